-- One step of one worker, all or nothing: see the note "A step" in bus.py.
--   KEYS[1]  prefix of the run's keys
--   ARGV[1]  the step as MessagePack (written by redis_bus.pack_step)
-- Keys of a run, behind the prefix:
--   run                    beat (there as long as the run exists), stop (1 asks sources to end)
--   leases                 consumer -> epoch
--   orders                 consumer -> what the supervisor has told it to do
--   in:<group>             input stream of a group, consumer group "workers"
--   group:<group>          done:<source>, end:<source>, last:<source> (the end message), ended:<source>;
--                          with a sink: objects:<source>, tracks:<source> (the highest track id)
--   finished               <group>/<source> -> 1, for groups with a sink
--   free:<pool>            list of "slot:generation"
--   held:<pool>:<consumer> the same, taken but not published
--   readers:<pool>         "slot:generation" -> readers that have not committed yet
--   state:<node>           key -> snapshot
--   positions              source -> position
--   claims                 source -> the consumer that reads it
--   drops                  <group>\n<source>\n<reason> -> frames, for groups with a sink
--   counters               statistics

local prefix = KEYS[1]
local step = cmsgpack.unpack(ARGV[1])
local input = prefix .. 'in:' .. step.group
local group_key = prefix .. 'group:' .. step.group

local beat, stop = unpack(redis.call('HMGET', prefix .. 'run', 'beat', 'stop'))
if not beat then
  return redis.error_reply('RUNLOST the keys of this run are gone')
end
if redis.call('HGET', prefix .. 'leases', step.consumer) ~= tostring(step.epoch) then
  return redis.error_reply('FENCED ' .. step.consumer .. ' was taken over by another process')
end
-- What keeps public entries from being added, in a sentence; nil where nothing does.
local checked = {}
local function refusal(entries)
  for _, entry in ipairs(entries) do
    local stream = entry[1]
    if not checked[stream] then
      local kind = redis.call('TYPE', stream).ok
      if kind ~= 'stream' and kind ~= 'none' then
        return 'REFUSED the key ' .. stream .. ' holds a ' .. kind .. ', wanted a stream'
      end
      checked[stream] = true
    end
  end
end

local refused = refusal(step.public)
for _, commit in ipairs(step.commits) do refused = refused or refusal(commit.public) end
if refused then return redis.error_reply(refused) end

-- The first write is one that a full server refuses: it refuses all of the step, not half of it
-- (XACK and XDEL alone would still be allowed).
redis.call('HINCRBY', prefix .. 'counters', 'steps', 1)

-- How many frames of a source this group has done, and how many there are in all, once it is known.
local function progress(source)
  local done, frames = unpack(redis.call('HMGET', group_key, 'done:' .. source, 'end:' .. source))
  return tonumber(done or '0'), tonumber(frames)
end

local function is_pending(id)
  return #redis.call('XPENDING', input, 'workers', id, id, 1) == 1
end

-- Which index of a source is due; nil once it has ended.
local function due_index(source)
  local done, frames = progress(source)
  return not frames and done or nil
end

-- Whether a step that must be taken as a whole can be.
local function all_fresh()
  local next_index = {}
  for _, commit in ipairs(step.commits) do
    local source = commit.source
    if commit.id then
      if not is_pending(commit.id) then return false end
    else
      local due = next_index[source] or due_index(source)
      if commit.index ~= due then return false end
      next_index[source] = due + 1
    end
  end
  return true
end

local function accept(commit)
  if not commit.id then return true end
  if redis.call('XACK', input, 'workers', commit.id) == 0 then return false end
  redis.call('XDEL', input, commit.id)
  return true
end

local function publish_slot(pool, slot, generation, readers)
  local token = slot .. ':' .. generation
  redis.call('LREM', prefix .. 'held:' .. pool .. ':' .. step.consumer, 1, token)
  redis.call('HSET', prefix .. 'readers:' .. pool, token, readers)
end

local function release_slot(pool, slot, generation)
  local readers_key, token = prefix .. 'readers:' .. pool, slot .. ':' .. generation
  if redis.call('HINCRBY', readers_key, token, -1) == 0 then
    redis.call('HDEL', readers_key, token)
    redis.call('RPUSH', prefix .. 'free:' .. pool, slot .. ':' .. (generation + 1))
  end
end

-- Send a source's end on once all of its frames are through.
local function finish(source)
  local done, frames = progress(source)
  if done ~= frames then return end
  local payload = redis.call('HGET', group_key, 'last:' .. source)
  for _, reader in ipairs(step.readers) do
    redis.call('XADD', prefix .. 'in:' .. reader, '*', 'm', payload)
  end
  redis.call('HSET', group_key, 'ended:' .. source, 1)
  if step.has_sink then redis.call('HSET', prefix .. 'finished', step.group .. '/' .. source, 1) end
end

local function count_objects(commit)
  if commit.objects then
    redis.call('HINCRBY', group_key, 'objects:' .. commit.source, commit.objects)
  end
  if commit.track then
    local name = 'tracks:' .. commit.source
    local highest = tonumber(redis.call('HGET', group_key, name) or '-1')
    if commit.track > highest then redis.call('HSET', group_key, name, commit.track) end
  end
end

local function count(commit)
  if commit.last then
    redis.call('HSET', group_key, 'end:' .. commit.source, commit.index, 'last:' .. commit.source, commit.last)
  else
    redis.call('HINCRBY', group_key, 'done:' .. commit.source, 1)
  end
  if commit.drop and step.has_sink then
    local name = step.group .. '\n' .. commit.source .. '\n' .. commit.drop
    redis.call('HINCRBY', prefix .. 'drops', name, 1)
  end
  if step.has_sink then count_objects(commit) end
  finish(commit.source)
end

local function publish(entries)
  for _, entry in ipairs(entries) do
    redis.call('XADD', entry[1], 'MAXLEN', '~', entry[2], '*', unpack(entry[3]))
  end
end

local is_whole = step.states or step.positions
local accepted = 0
if not is_whole or all_fresh() then
  for _, commit in ipairs(step.commits) do
    if accept(commit) then
      accepted = accepted + 1
      for _, slot in ipairs(commit.filled) do publish_slot(slot[1], slot[2], slot[3], slot[4]) end
      for _, slot in ipairs(commit.released) do release_slot(slot[1], slot[2], slot[3]) end
      for _, output in ipairs(commit.outputs) do
        redis.call('XADD', prefix .. 'in:' .. output[1], '*', 'm', output[2])
      end
      publish(commit.public)
      count(commit)
    end
  end
  publish(step.public)
  for _, id in ipairs(step.discarded or {}) do accept({ id = id }) end
  for _, state in ipairs(step.states or {}) do
    local key = prefix .. 'state:' .. state[1]
    if state[3] == '' then
      redis.call('HDEL', key, state[2])
    else
      redis.call('HSET', key, state[2], state[3])
    end
  end
  for source, position in pairs(step.positions or {}) do
    redis.call('HSET', prefix .. 'positions', source, position)
  end
  for name, amount in pairs(step.counters) do
    redis.call('HINCRBY', prefix .. 'counters', name, amount)
  end
end

-- How many frames of a source some sink has not committed yet.
local function in_flight(source)
  local emitted = progress(source)
  local least = emitted
  for _, sink in ipairs(step.sinks_downstream) do
    local done = redis.call('HGET', prefix .. 'group:' .. sink, 'done:' .. source) or '0'
    least = math.min(least, tonumber(done))
  end
  return emitted - least
end

local under_way = 0
for source in pairs(step.positions or {}) do under_way = math.max(under_way, in_flight(source)) end
local order = redis.call('HGET', prefix .. 'orders', step.consumer) or ''
return { accepted, under_way, stop and 1 or 0, order }
