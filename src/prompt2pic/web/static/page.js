// The page: one form, one gallery, and a connection that comes back by itself.

import { Away, Refusal, cancelJob, eraseJob, forgetMe, listJobs, listModels, newKey, readJob, readQueue, submit } from "./api.js";
import { Form } from "./form.js";
import { Gallery } from "./gallery.js";
import { say, translate } from "./words.js";

const SOON = 300; // ms
const CALM = 15_000; // ms between looks at the queue while nothing of this person's is in it
const BUSY = 4_000; // ms between looks while something is
const HIDDEN = 10_000; // ms between looks of a page in the background, which holds no stream
const LEAST = 0.2; // share of new noise in the first variations, doubled with each further step
const SLOWEST = 10_000; // ms between attempts to reach a server that is away

const find = (id) => document.getElementById(id);
const state = { away: 0, models: false, timer: 0, looking: false, soon: false, unsent: null };

translate(document);

const acts = {
  cancel: (card) => attempt(card, async () => {
    gallery.put(await cancelJob(card.job.id));
    gallery.watch();
    tabs.postMessage(0);
  }),
  again: (card) => attempt(card, () => repeat(card.job, {})),
  best: (card) => attempt(card, () => repeat(card.job, { ...same(card), level: "best" })),
  vary: (card) => attempt(card, () => repeat(card.job, { seed: card.picture.seed, n: 4, variation_strength: bolder(card.job) })),
  erase: (card) => attempt(card, () => erase(card)),
  reload: async (job) => readJob(job.id).then((fresh) => gallery.put(fresh), () => {}),
};
const gallery = new Gallery(find("gallery"), acts, { onChange: changed, onSilence: () => lookIn(SOON) });
const tabs = new BroadcastChannel("prompt2pic");
const form = new Form(find("form"), paint);

find("more").addEventListener("click", showOlder);
document.addEventListener("visibilitychange", visibility);
window.addEventListener("online", () => lookIn(0));
tabs.addEventListener("message", () => lookIn(0));
find("forget").addEventListener("click", forget);
lookIn(0);

/** Submit what the form says; the same words keep their key until they arrived. */
async function paint(body) {
  const words = JSON.stringify(body);
  if (state.unsent?.words !== words) state.unsent = { words, key: newKey() };
  try {
    took(await submit(body, state.unsent.key, wentAway));
    state.unsent = null;
    if (matchMedia("(pointer: coarse)").matches) form.prompt.blur(); // the keyboard would hide the picture
  } catch (error) {
    if (!(error instanceof Away)) state.unsent = null;
    form.refuse(sentence(error), error);
  }
}

async function repeat({ input }, changes) {
  const { prompt, negative_prompt: negative, model, size, n, level } = input;
  const body = { prompt, level, n, ...changes };
  if (negative) body.negative_prompt = negative;
  if (model) body.model = model;
  if (size) body.size = size;
  took(await submit(body, newKey(), wentAway));
}

const bolder = ({ input }) => Math.min(1, 2 * (input.variation_strength ?? LEAST / 2));

// One of several has its own seed; variations share one and come only together.
const same = ({ job: { input }, picture: { seed } }) =>
  input.variation_strength ? { seed, variation_strength: input.variation_strength } : { seed, n: 1 };

async function erase({ job: { id } }) {
  if (!(await sure("eraseTitle", "eraseText", "erase"))) return;
  await eraseJob(id).catch((error) => {
    if (error.status !== 404) throw error; // gone already is as good
  });
  gallery.remove(id);
  leftAlone(say("erased"));
}

async function forget() {
  if (!(await sure("forgetTitle", "forgetText", "forget"))) return;
  try {
    await forgetMe();
    for (const { id } of gallery.jobs) gallery.remove(id);
    leftAlone(say("forgotten"));
  } catch (error) {
    lost(error);
  }
}

/** Ask back before what can not be undone; Escape means no. */
function sure(title, text, yes) {
  const dialog = find("sure");
  find("sure-title").textContent = say(title);
  find("sure-text").textContent = say(text);
  find("sure-yes").textContent = say(yes);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Go on after something was taken away: whoever had the focus in it gets it anew. */
function leftAlone(told) {
  find("empty").hidden = gallery.cards.size > 0;
  gallery.watch();
  find("gallery-title").focus();
  announce(told);
  tabs.postMessage(0);
  lookIn(SOON);
}

function took(job) {
  arrived();
  tabs.postMessage(0);
  const card = gallery.put(job);
  card.root.scrollIntoView({ block: "nearest" });
  gallery.watch();
  lookIn(SOON);
}

async function attempt(card, work) {
  try {
    await work();
  } catch (error) {
    card.complain(sentence(error));
  }
}

/** Look at the server, one look at a time, sooner while there is something to see. */
function lookIn(pause) {
  state.soon = state.looking;
  clearTimeout(state.timer);
  state.timer = setTimeout(look, pause);
}

async function look() {
  if (state.looking) return; // and once more when this one is over
  state.looking = true;
  try {
    await lookOnce();
    arrived();
  } catch (error) {
    lost(error);
  }
  state.looking = false;
  lookIn(state.soon ? SOON : pauseNow());
}

async function lookOnce() {
  const known = new Set(gallery.cards.keys());
  const [jobs, queue] = await Promise.all([listJobs(), readQueue()]);
  if (!known.size) showMore(jobs.has_more);
  gallery.putPage(jobs, known);
  find("empty").hidden = gallery.cards.size > 0;
  showQueue(queue);
  if (!document.hidden) gallery.watch();
  if (!state.models) await readModels();
}

async function readModels() {
  const [model] = (await listModels()).data;
  if (!model) return; // no worker has told of its model yet
  form.offerSizes(model);
  state.models = true;
}

function pauseNow() {
  if (state.away) return Math.min(SLOWEST, 500 * 2 ** state.away);
  if (!gallery.unfinished.length) return CALM;
  return document.hidden ? HIDDEN : BUSY;
}

async function showOlder() {
  const oldest = gallery.jobs.reduce((one, other) => (Date.parse(one.created_at) <= Date.parse(other.created_at) ? one : other));
  try {
    const page = await listJobs(oldest.id);
    for (const job of page.data) gallery.put(job);
    showMore(page.has_more);
  } catch (error) {
    lost(error);
  }
}

function showMore(more) {
  find("more").hidden = !more;
}

function showQueue({ waiting, painting, workers }) {
  const told = [];
  if (!workers) told.push(say("queueAsleep"));
  if (waiting) told.push(say("queueWaiting", { waiting }));
  if (painting) told.push(say("queuePainting", { painting }));
  const line = told.join(" · ") || say("queueEmpty");
  find("queue").textContent = line[0].toUpperCase() + line.slice(1);
}

function lost(error) {
  wentAway(error instanceof Refusal ? error.message : say("away"));
  if (!(error instanceof Away || error instanceof Refusal)) console.error(error);
}

function wentAway(told = say("away")) {
  state.away += 1;
  const banner = find("away");
  if (banner.textContent !== told) banner.textContent = told;
  banner.hidden = false;
  document.body.classList.add("is-away");
}

function arrived() {
  if (!state.away) return;
  state.away = 0;
  find("away").hidden = true;
  find("away").textContent = "";
  document.body.classList.remove("is-away");
  announce(say("back"));
}

/** Tell screen reader and tab title of a job, once a state, not once a percent. */
function changed(job, before) {
  find("empty").hidden = true;
  if (before ? before.status === job.status : job.status !== "processing") return;
  lookIn(SOON); // the queue has changed, too
  const told = { processing: "painting", succeeded: "ready", failed: "failed", canceled: "canceled" }[job.status];
  if (told) announce(`${say(told)}: ${job.input.prompt}`);
  if (job.status === "succeeded" && document.hidden) document.title = `${say("doneTitle")} · Prompt2Pic`;
}

function announce(told) {
  find("announcer").textContent = told;
}

// In the background the connection is given back: six tabs must not starve the seventh.
function visibility() {
  if (document.hidden) {
    gallery.rest();
    return;
  }
  document.title = "Prompt2Pic";
  lookIn(0);
}

function sentence(error) {
  if (error instanceof Away) return say("unsent");
  if (error instanceof Refusal) return error.message;
  throw error; // a mistake of this page: the console shall tell of it
}
