-- For wrk: distinct messages to a server of Rasa, over and over, and what became of them as one line of JSON.
--   wrk ... -s messages.lua URL -- PHRASES FIRST
-- PHRASES is a file of phrases, one a line; FIRST the number of the first message. A sender says five messages.

local phrases, number = {}, 0

function init(arguments)
   for line in io.lines(arguments[1]) do
      table.insert(phrases, line)
   end
   number = tonumber(arguments[2])
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/json"
end

function request()
   local one, other = phrases[number % #phrases + 1], phrases[number * 7 % #phrases + 1]
   local text = number % 3 == 0 and one .. " " .. other or one
   local body = string.format('{"sender": "user %d", "message": "%s %d", "text": "%s %d"}',
      math.floor(number / 5), text, number, text, number)
   number = number + 1
   return wrk.format(nil, nil, nil, body)
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "seconds": %f, "p50": %f, "p95": %f, "p99": %f, "max": %f, "errors": %d}\n',
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
      latency:percentile(99) / 1e3, latency.max / 1e3,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
