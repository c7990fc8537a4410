/** Prints which events tiktok-live-connector 1.x makes of TikTok's messages.
 *
 * Reads a JSON file, `[[method, base64 payload], …]`, and prints a list as long: for each message,
 * `[[event, data], …]`, or null where it can't read the message: one with a number of more than 32
 * bits. A method that the connector does not know has no events.
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import connector from "tiktok-live-connector";

const EVENTS = [
  ...["chat", "member", "gift", "roomUser", "social", "like", "questionNew", "linkMicBattle"],
  ...["linkMicArmies", "emote", "envelope", "subscribe", "follow", "share", "streamEnd"],
];

async function convert(method, payload) {
  const events = [];
  const connection = new connector.WebcastPushConnection("somebody");
  for (const event of EVENTS) {
    // As text at once: the connector goes on changing what it has given to a listener.
    connection.on(event, (data) => events.push([event, JSON.parse(JSON.stringify(data))]));
  }
  try {
    await connection.decodeProtobufMessage(method, Buffer.from(payload, "base64"));
  } catch (error) {
    if (error instanceof RangeError || String(error).includes("invalid wire type")) return null;
    if (!String(error).includes("no such type")) throw error;
  }
  return events;
}

const converted = [];
for (const [method, payload] of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  converted.push(await convert(method, payload));
}
process.stdout.write(JSON.stringify(converted));
