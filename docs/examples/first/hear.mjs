// curl -o relay-client.mjs http://127.0.0.1:8000/static/live/relay-client.js
// node hear.mjs          Node.js 22 or later; with 20: node --experimental-websocket hear.mjs
import { RelayClient } from "./relay-client.mjs";

const client = new RelayClient({
  url: "ws://127.0.0.1:8000",
  token: "TOKEN",
  wait: true, // for the next LIVE, if there is none now
});
client.on("connected", ({ data }) => console.log(`@${data.username} is live`));
client.on("comment", ({ data }) => console.log(`${data.user.nickname}: ${data.text}`));
client.on("closed", ({ error }) => error && console.log(`${error.title}. ${error.detail}`));
client.connect(); // and it comes back by itself when the network was cut
