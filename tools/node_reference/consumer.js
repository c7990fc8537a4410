/**
 * Takes TikTok's events by TikTok-Live-Connector, and nothing else; bench/pipeline.py measures it.
 *
 * It answers commands as bench.processes.answer_commands does: a JSON line ["connect", {}] or
 * ["count", {}] from standard input, a JSON line for each answer. One that fails ends the process.
 * The room's id is the argument, so that nothing is asked but the sign server (SIGN_API_URL), which
 * gives the web socket's address. The library's own request to it has a path that the stand-in does
 * not know, so another provider is configured.
 */

import { createInterface } from "node:readline";
import {
  deserializeMessage,
  RouteConfig,
  TikTokLiveConnection,
  WebcastEvent,
} from "tiktok-live-connector";

const KINDS = [
  ...[WebcastEvent.CHAT, WebcastEvent.GIFT, WebcastEvent.LIKE, WebcastEvent.MEMBER],
  ...[WebcastEvent.FOLLOW, WebcastEvent.SHARE, WebcastEvent.SOCIAL, WebcastEvent.ROOM_USER],
];

RouteConfig.fetchSignedWebSocketFromProvider = async ({ roomId }) => {
  const answer = await fetch(`${process.env.SIGN_API_URL}/webcast/fetch?room_id=${roomId}`);
  return {
    fetchResult: deserializeMessage(
      "ProtoMessageFetchResult",
      Buffer.from(await answer.arrayBuffer()),
    ),
    fetchResultCookieHeader: answer.headers.get("X-Set-TT-Cookie"),
  };
};

let count = 0;
const connection = new TikTokLiveConnection("streamer", { fetchRoomInfoOnConnect: false });
for (const kind of KINDS) {
  connection.on(kind, () => {
    count += 1;
  });
}
connection.on("error", (failure) => {
  console.error(failure);
  process.exit(1);
});

const COMMANDS = {
  connect: async () => {
    await connection.connect(process.argv[2]);
    return null;
  },
  count: async () => count,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command] = JSON.parse(line);
  console.log(JSON.stringify(await COMMANDS[command]()));
}
process.exit(0);
