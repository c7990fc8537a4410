#!/bin/sh
# A look at what a relay sends, as it comes over the wire:
#
#     sh look.sh 'ws://127.0.0.1:8000/ws/<token>?types=comment,gift' [websocat|python|curl]
#
# Without a tool named, the first that is installed. curl knows no WebSockets here: it asks for one
# as for a page, and shows the frames' JSON with the few bytes between them. It answers no pings, so
# the relay lets it go after a while. `python` is Python's websockets library, by PYTHON if set.
set -eu

address=$1
python=${PYTHON:-python3}

first_installed() {
  if command -v websocat >/dev/null; then
    echo websocat
  elif "$python" -c 'import websockets' 2>/dev/null; then
    echo python
  else
    echo curl
  fi
}

case ${2:-$(first_installed)} in
  websocat)
    exec websocat "$address"
    ;;
  python)
    exec "$python" -m websockets "$address"
    ;;
  curl)
    exec curl --no-progress-meter --no-buffer --http1.1 --output - \
      --header 'Connection: Upgrade' --header 'Upgrade: websocket' \
      --header 'Sec-WebSocket-Version: 13' \
      --header "Sec-WebSocket-Key: $(head -c 16 /dev/urandom | base64)" \
      "http${address#ws}"
    ;;
  *)
    echo "look.sh: no such tool: $2" >&2
    exit 2
    ;;
esac
