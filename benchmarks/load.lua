-- wrk's script: sends the images of a folder in turn as multipart forms, and prints one line of figures at the end:
-- answers a second, median and 99th percentile in ms, answers 503, and what was neither 200 nor 503 or no answer.
-- Arguments: the folder, whose files are named 0.jpg, 1.jpg, ..., and how many they are.
local bodies, turn, threads = {}, 0, {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  refused, broken = 0, 0 -- global, so that done() can ask for them
  local boundary = "fovea-benchmark"
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "multipart/form-data; boundary=" .. boundary
  for number = 0, tonumber(args[2]) - 1 do
    local file = assert(io.open(args[1] .. "/" .. number .. ".jpg", "rb"))
    local head = "--" .. boundary .. "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"image.jpg\"\r\n"
    bodies[number + 1] = wrk.format(nil, nil, nil, head .. "Content-Type: image/jpeg\r\n\r\n" .. file:read("*a")
      .. "\r\n--" .. boundary .. "--\r\n")
    file:close()
  end
end

function request()
  turn = turn % #bodies + 1
  return bodies[turn]
end

function response(status, headers)
  if status == 503 and headers["Retry-After"] then
    refused = refused + 1
  elseif status ~= 200 then
    broken = broken + 1
  end
end

function done(summary, latency)
  local errors, refused, broken = summary.errors, 0, 0
  for _, thread in ipairs(threads) do
    refused, broken = refused + thread:get("refused"), broken + thread:get("broken")
  end
  broken = broken + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("FIGURES %f %f %f %d %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, refused, broken))
end
