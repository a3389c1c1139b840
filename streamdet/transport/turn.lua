-- A camera asks whether its next frame may go on: see the head of turns.py, which this follows.
--   KEYS[1]  prefix of the run's keys
--   ARGV[1]  the question as MessagePack (written by redis_bus.pack_turn)
-- Keys of a share, behind the prefix; times are milliseconds of this machine's monotonic clock:
--   turns:<share>     time, window, seen; for each camera wanted:<source>, until:<source> (it waits
--                     until then), groups:<source> (its own group, then the sinks that it reaches)
--   tags:<share>      sorted set, camera -> tag
--   waiting:<share>   set of the cameras that wait
--   underway:<share>  sorted set, "<source>\n<index>" -> since when
-- and of step.lua: group:<group>

local prefix = KEYS[1]
local turn = cmsgpack.unpack(ARGV[1])
local source, now = turn.source, turn.now
local turns = prefix .. 'turns:' .. turn.share
local tags = prefix .. 'tags:' .. turn.share
local waiting = prefix .. 'waiting:' .. turn.share
local under_way = prefix .. 'underway:' .. turn.share

if redis.call('EXISTS', prefix .. 'run') == 0 then
  return redis.error_reply('RUNLOST the keys of this run are gone')
end

-- Whole digits of a number would get lost in Redis' own conversion.
local function text(number) return string.format('%.17g', number) end

redis.call('HSET', turns, 'wanted:' .. source, text(turn.wanted), 'groups:' .. source, turn.groups)
local time, window, seen = unpack(redis.call('HMGET', turns, 'time', 'window', 'seen'))
time, window, seen = tonumber(time or '0'), tonumber(window or turn.first), tonumber(seen or '0')

-- How many frames of a camera it has committed, and how many every sink has.
local known = {}
local function progress(name)
  if not known[name] then
    local emitted, through
    local wanted, groups = unpack(redis.call('HMGET', turns, 'wanted:' .. name, 'groups:' .. name))
    for group in string.gmatch(groups, '[^\n]+') do
      local done = tonumber(redis.call('HGET', prefix .. 'group:' .. group, 'done:' .. name) or '0')
      if not emitted then emitted = done else through = math.min(through or done, done) end
    end
    known[name] = { emitted = emitted, through = through or emitted, wanted = tonumber(wanted) }
  end
  return known[name]
end

local function move_window(shortest, longest, wanted)
  local by = 0
  if shortest > wanted then
    by = -math.min(turn.steepest, shortest / wanted - 1)
  elseif longest < wanted then
    by = 1 - longest / wanted
  end
  window = math.min(turn.widest, math.max(turn.least, window + turn.gain * by))
end

-- Take off what is through; returns how many are under way, of all cameras and of this one.
local function settle()
  local all, own = 0, 0
  local members = redis.call('ZRANGE', under_way, 0, -1, 'WITHSCORES')
  for i = 1, #members, 2 do
    local name, index = string.match(members[i], '^(.*)\n(%d+)$')
    local since, at = tonumber(members[i + 1]), progress(name)
    index = tonumber(index)
    local is_through = index < at.through
    if is_through then move_window(math.max(0, seen - since), now - since, at.wanted) end
    if is_through or (index >= at.emitted and now - since > turn.lost) then
      redis.call('ZREM', under_way, members[i])
    else
      all = all + 1
      if name == source then own = own + 1 end
    end
  end
  return all, own
end

local function wait_no_more(name)
  redis.call('SREM', waiting, name)
  redis.call('HDEL', turns, 'until:' .. name)
end

-- The cameras that wait, lowest tag first.
local function waiting_cameras()
  local found = {}
  for _, name in ipairs(redis.call('SMEMBERS', waiting)) do
    if tonumber(redis.call('HGET', turns, 'until:' .. name)) < now then
      wait_no_more(name)
    else
      found[#found + 1] = { tonumber(redis.call('ZSCORE', tags, name)), name }
    end
  end
  table.sort(found, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
  return found
end

local function call_up(all)
  local room, cameras = window - all, waiting_cameras()
  for _, each in ipairs(cameras) do
    if each[1] > time then
      if room < 1 or each[1] > cameras[1][1] + 1 then return end
      time = each[1]
    end
    if each[2] == source then return end
    room = room - 1
  end
end

local function answer()
  local all, own = settle()
  if own >= turn.most then
    wait_no_more(source)
    return 'own'
  end
  local tag = tonumber(redis.call('ZSCORE', tags, source) or redis.call('ZCARD', tags) * turn.spread % 1)
  if tonumber(redis.call('HGET', turns, 'until:' .. source) or '0') < now then
    tag = tag + math.max(0, math.ceil(time - 1 - tag))
  end
  redis.call('ZADD', tags, text(tag), source)
  redis.call('SADD', waiting, source)
  redis.call('HSET', turns, 'until:' .. source, text(now + turn.patience))
  call_up(all)
  if tag > time or all >= turn.slots then return 'others' end
  redis.call('ZADD', tags, text(tag + 1), source)
  wait_no_more(source)
  redis.call('ZADD', under_way, text(now), source .. '\n' .. turn.index)
  return 'go'
end

local said = answer()
redis.call('HSET', turns, 'time', text(time), 'window', text(window), 'seen', text(now))
return said
