/** A battle, put together of its frames: names come with some of them, scores with others. */

/** @typedef {{ id: string, name: string, score: number, result: string, isOurs: boolean }} Team */

export class Match {
  id = "";
  state = "";
  /** The streamer's own first. @type {Team[]} */
  teams = [];

  /** @param {Record<string, any>} data Of a `battle` frame. @param {string} streamer The username. */
  take(data, streamer) {
    if (data.id !== this.id) {
      this.id = data.id;
      this.teams = [];
    }
    this.state = data.state;
    for (const team of data.teams) this.#update(team, streamer);
    this.teams.sort((a, b) => Number(b.isOurs) - Number(a.isOurs));
  }

  reset() {
    this.id = this.state = "";
    this.teams = [];
  }

  /** Whether there is a score to show. */
  get isOn() {
    return ["started", "scores", "ended"].includes(this.state) && this.teams.length > 1;
  }

  /** The part of all points that each team has; equal parts before the first. @returns {number[]} */
  get shares() {
    const sum = this.teams.reduce((all, { score }) => all + score, 0);
    return this.teams.map(({ score }) => (sum ? score / sum : 1 / this.teams.length));
  }

  /** @param {Record<string, any>} given @param {string} streamer */
  #update({ id, hosts, score, result }, streamer) {
    let team = this.teams.find((other) => other.id === id);
    if (!team) {
      team = { id, name: "", score: 0, result: "", isOurs: false };
      this.teams.push(team);
    }
    const names = hosts.flatMap((/** @type {Record<string, any>} */ host) => {
      const name = host.nickname || host.username;
      return name ? [name] : [];
    });
    if (names.length) team.name = names.join(", ");
    team.isOurs ||= hosts.some(
      (/** @type {Record<string, any>} */ { username }) => username && username === streamer,
    );
    // Frames without scores have zeros.
    team.score = Math.max(team.score, score);
    team.result = result ?? "";
  }
}
