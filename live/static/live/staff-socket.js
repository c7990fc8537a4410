/**
 * The socket of the staff's pages: what the relay publishes, as long as the page is open.
 *
 * It comes back by itself when the server or the network was away, and gives up only when the
 * server says that this is no member of the staff (any more).
 */

/** The close code of those who are not staff. */
const FORBIDDEN = 4403;
const SHORTEST_WAIT = 1; // seconds
const LONGEST_WAIT = 15;
/** The numbers come every second; without any for so long, the connection is dead. In seconds. */
const SILENCE = 15;

/** @typedef {"open" | "lost" | "forbidden"} Link */

/**
 * @param {Record<string, (message: any) => void>} handlers What to do with a message, by its type.
 * @param {(link: Link) => void} onLink Told how the connection is, whenever that changes.
 */
export function watch(handlers, onLink) {
  const address = new URL("/staff/socket", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  let wait = SHORTEST_WAIT;
  /** @type {Link | undefined} */
  let link;
  /** @param {Link} now */
  const become = (now) => {
    if (now !== link) onLink((link = now));
  };

  const open = () => {
    const socket = new WebSocket(address);
    /** @type {ReturnType<typeof setTimeout>} */
    let silence;
    const expectNews = () => {
      clearTimeout(silence);
      silence = setTimeout(() => lost(0), SILENCE * 1000);
    };
    /** @param {number} code */
    const lost = (code) => {
      clearTimeout(silence);
      socket.onclose = socket.onmessage = null;
      socket.close();
      if (code === FORBIDDEN) {
        become("forbidden");
        return;
      }
      become("lost");
      setTimeout(open, wait * 1000 * (0.5 + Math.random() / 2));
      wait = Math.min(LONGEST_WAIT, wait * 2);
    };
    socket.onmessage = (event) => {
      expectNews();
      wait = SHORTEST_WAIT;
      const message = JSON.parse(event.data);
      become("open");
      handlers[message.type]?.(message);
    };
    socket.onclose = (event) => lost(event.code);
    expectNews();
  };
  open();
}
