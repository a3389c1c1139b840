-- A camera asks whether its next frame may go on: see the head of turns.py, which this follows.
--   KEYS[1]  prefix of the run's keys
--   ARGV[1]  the question as MessagePack (written by redis_bus.pack_turn)
-- Keys of a share, behind the prefix; times are milliseconds of this machine's monotonic clock:
--   turns:<share>     time, window, seen; for each camera wanted:<source>, until:<source> (it waits
--                     until then), groups:<source> (its own group, then the sinks that it reaches)
--   tags:<share>      sorted set, camera -> tag
--   waiting:<share>   sorted set of the cameras that wait, camera -> tag
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

-- Ask one hash for many fields; returns field -> value.
local function ask(key, fields)
  local found = {}
  if #fields == 0 then return found end
  for i, value in ipairs(redis.call('HMGET', key, unpack(fields))) do found[fields[i]] = value end
  return found
end

-- How many frames of each of these cameras it has committed (emitted), how many every sink has
-- (through), and when they are wanted: camera -> these.
local function progress(names)
  local fields, found, by_groups = {}, {}, {}
  for _, name in ipairs(names) do
    fields[#fields + 1] = 'wanted:' .. name
    fields[#fields + 1] = 'groups:' .. name
  end
  local known = ask(turns, fields)
  for _, name in ipairs(names) do
    found[name] = { wanted = tonumber(known['wanted:' .. name]) }
    local groups = known['groups:' .. name]
    by_groups[groups] = by_groups[groups] or {}
    table.insert(by_groups[groups], name)
  end
  for groups, members in pairs(by_groups) do
    local dones = {}
    for i, name in ipairs(members) do dones[i] = 'done:' .. name end
    for group in string.gmatch(groups, '[^\n]+') do
      local counts = ask(prefix .. 'group:' .. group, dones)
      for i, name in ipairs(members) do
        local done, at = tonumber(counts[dones[i]] or '0'), found[name]
        if not at.emitted then at.emitted = done else at.through = math.min(at.through or done, done) end
      end
    end
  end
  for _, at in pairs(found) do at.through = at.through or at.emitted end
  return found
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
  local all, own, frames, names, seen_names = 0, 0, {}, {}, {}
  local members = redis.call('ZRANGE', under_way, 0, -1, 'WITHSCORES')
  for i = 1, #members, 2 do
    local name, index = string.match(members[i], '^(.*)\n(%d+)$')
    frames[#frames + 1] = { name, tonumber(index), tonumber(members[i + 1]), members[i] }
    if not seen_names[name] then
      seen_names[name] = true
      names[#names + 1] = name
    end
  end
  local known = progress(names)
  for _, frame in ipairs(frames) do
    local name, index, since, at = frame[1], frame[2], frame[3], known[frame[1]]
    local is_through = index < at.through
    if is_through then move_window(math.max(0, seen - since), now - since, at.wanted) end
    if is_through or (index >= at.emitted and now - since > turn.lost) then
      redis.call('ZREM', under_way, frame[4])
    else
      all = all + 1
      if name == source then own = own + 1 end
    end
  end
  return all, own
end

local function wait_no_more(name)
  redis.call('ZREM', waiting, name)
  redis.call('HDEL', turns, 'until:' .. name)
end

-- The cameras that wait, each with its tag, lowest tag first.
local function waiting_cameras()
  local found, fields = {}, {}
  local members = redis.call('ZRANGE', waiting, 0, -1, 'WITHSCORES')  -- of equal tags by name
  for i = 1, #members, 2 do fields[#fields + 1] = 'until:' .. members[i] end
  local untils = ask(turns, fields)
  for i = 1, #members, 2 do
    if tonumber(untils['until:' .. members[i]]) < now then
      wait_no_more(members[i])
    else
      found[#found + 1] = { tonumber(members[i + 1]), members[i] }
    end
  end
  return found
end

local function call_up(all)
  local room = window - all
  if room < 1 then return end
  local cameras = waiting_cameras()
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
  redis.call('ZADD', waiting, text(tag), source)
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
