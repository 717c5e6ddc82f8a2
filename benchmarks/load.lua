-- wrk's script: sends the images of a folder in turn as multipart forms, and prints one line of figures at the end.
-- Arguments: the folder, whose files are named 0.jpg, 1.jpg, ..., and how many they are.
local bodies, turn = {}, 0

function init(args)
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

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("FIGURES %f %f %f %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed))
end
