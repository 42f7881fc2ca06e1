// Everything this person asked for, newest first, and the one open stream of events.

import { Card, isOver } from "./card.js";

const EVENTS = ["place", "progress", "end"];

/** Keeps one card a job. `onChange(job, before)` is told of every new state, `onSilence` that a stream broke. */
export class Gallery {
  constructor(list, acts, { onChange, onSilence }) {
    this.list = list;
    this.acts = acts;
    this.onChange = onChange;
    this.onSilence = onSilence;
    this.cards = new Map();
    this.gone = new Set();
    this.source = null;
    this.watched = null;
  }

  get jobs() {
    return Array.from(this.cards.values(), (card) => card.job);
  }

  /** Return the unfinished jobs, whichever comes first is the last. */
  get unfinished() {
    return this.jobs.filter((job) => !isOver(job)).sort(newestFirst);
  }

  /** Take a job's state, unless a slow answer would bring an ended job back to life. */
  put(job) {
    if (this.gone.has(job.id)) return null;
    const card = this.cards.get(job.id) ?? this.#add(job);
    const before = card.job;
    if (before && isOver(before) && !isOver(job)) return card;
    card.show(job);
    this.onChange(job, before);
    return card;
  }

  /** Take one page of the server's list; what was known before it was asked for and is missing in it is gone. */
  putPage({ data, has_more: more }, known) {
    const listed = new Set(data.map((job) => job.id));
    const oldest = more ? Date.parse(data.at(-1).created_at) : -Infinity;
    for (const id of known) {
      const card = this.cards.get(id);
      if (card && !listed.has(id) && Date.parse(card.job.created_at) > oldest) this.remove(id);
    }
    for (const job of data) this.put(job);
  }

  #add(job) {
    const card = new Card(this.acts);
    const after = this.jobs.sort(newestFirst).find((other) => newestFirst(job, other) <= 0);
    this.list.insertBefore(card.root, after ? this.cards.get(after.id).root : null);
    this.cards.set(job.id, card);
    return card;
  }

  /** Take a card away for good, also where a slow answer still tells of its job. */
  remove(id) {
    this.gone.add(id);
    this.cards.get(id)?.root.remove();
    this.cards.delete(id);
  }

  /** Follow the job that is served first, poll the others: a browser allows six connections. */
  watch() {
    const jobs = this.unfinished;
    const job = jobs.find((one) => one.status === "processing") ?? jobs.at(-1);
    if (job?.id === this.watched) return;
    this.rest();
    if (job) this.#open(job);
  }

  /** Close the stream, as a page in the background does. */
  rest() {
    this.source?.close();
    this.source = this.watched = null;
  }

  #open(job) {
    const source = new EventSource(job.urls.events);
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        this.put(JSON.parse(event.data));
        this.watch();
      });
    }
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) this.rest(); // refused: it would not try again by itself
      this.onSilence();
    };
    this.source = source;
    this.watched = job.id;
  }
}

function newestFirst(one, other) {
  return Date.parse(other.created_at) - Date.parse(one.created_at) || (one.id < other.id ? -1 : 1);
}
