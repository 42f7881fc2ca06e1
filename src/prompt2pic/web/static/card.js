// One job as a person sees it: its place, then a bar, then the picture, always in the same spot.

import { element, radios } from "./element.js";
import { duration, moment, percent, range, say } from "./words.js";

const UNFINISHED = new Set(["queued", "processing"]);

export const isOver = (job) => !UNFINISHED.has(job.status);

/** Shows a job; `acts` are behind its buttons, for the chosen picture of several. */
export class Card {
  constructor(acts) {
    this.acts = acts;
    this.root = element("li", { class: "card" });
    this.reloaded = false;
    this.chosen = 0;
  }

  get picture() {
    return this.job.output[this.chosen];
  }

  show(job) {
    // Links are signed anew every hour; the picture behind them stays.
    const shape = JSON.stringify([job.status, job.output?.map(({ url }) => url.split("?")[0]), job.error]);
    this.job = job;
    if (shape !== this.shape) this.#build(shape);
    if (!isOver(job)) this.#tell();
  }

  /** Put a sentence under the buttons: what was tried did not work. */
  complain(sentence) {
    this.error.textContent = sentence;
  }

  #build(shape) {
    const held = this.root.contains(document.activeElement);
    const { job } = this;
    this.shape = shape;
    this.error = element("p", { class: "error", role: "alert" });
    this.root.className = `card is-${job.status}`;
    this.root.replaceChildren(...[this.#frame(), element("div", { class: "about" }, ...this.#about(), this.error)].filter(Boolean));
    if (job.output?.length) this.#choose(this.chosen);
    if (held) this.root.querySelector("button, a")?.focus(); // whoever uses the keyboard stays where they were
  }

  #frame() {
    const { job } = this;
    if (job.status === "failed" || job.status === "canceled") return null;
    if (job.output?.length) return element("div", { class: job.output.length > 1 ? "frame many" : "frame" }, ...job.output.map((one, index) => this.#picture(one, index)));
    this.preview = element("img", { class: "preview", alt: "", hidden: true });
    this.number = element("span");
    this.canvas = element("div", { class: "canvas", "aria-hidden": "true" }, this.preview, this.number);
    if (job.input.size) this.canvas.style.aspectRatio = job.input.size.replace("x", " / ");
    return element("div", { class: "frame" }, this.canvas);
  }

  #picture({ url, width, height }, index) {
    const { input, output } = this.job;
    const alt = output.length > 1 ? say("pictureOf", { number: index + 1, count: output.length, prompt: input.prompt }) : input.prompt;
    const image = element("img", { src: url, alt, width, height, on: { error: () => this.#lost(link) } });
    const link = element("a", { href: url, target: "_blank", rel: "noopener" }, image);
    return link;
  }

  #lost(link) {
    if (!this.reloaded) return this.#reload();
    link.replaceWith(element("p", { class: "gone" }, say("pictureGone")));
    this.download.hidden = true;
  }

  // A signed link lives for a while only: ask once for a fresh one.
  #reload() {
    this.reloaded = true;
    this.shape = null;
    this.acts.reload(this.job);
  }

  #about() {
    const { job } = this;
    const prompt = element("p", { class: "prompt", dir: "auto" }, job.input.prompt);
    if (!isOver(job)) return [prompt, ...this.#progress(), this.#buttons([this.#button("cancel")])];
    if (job.status === "succeeded") return [prompt, this.#facts(), ...this.#notes(), this.#choice(), this.#buttons(this.#afterwards())];
    const why = job.status === "failed" ? job.error?.message || say("failed") : say("canceled");
    return [prompt, element("p", { class: "status" }, why), this.#buttons([this.#button("again"), this.#button("erase")])];
  }

  #progress() {
    this.status = element("p", { class: "status" });
    this.bar = element("progress", { max: 1, "aria-label": say("painting") });
    return [this.status, this.bar];
  }

  #tell() {
    const { progress, preview, queue_position: place } = this.job;
    const [now, time] = this.#sentence();
    this.status.replaceChildren(element("strong", {}, now), ...(time ? [element("span", {}, time)] : []));
    this.number.textContent = progress ? percent(progress) : (place ?? "");
    this.preview.hidden = !preview;
    if (preview) this.preview.src = preview;
    this.bar.hidden = !progress;
    this.bar.value = progress ?? 0;
  }

  #sentence() {
    const { status, progress, queue_position: place, eta } = this.job;
    if (status === "processing") {
      const part = progress ? say("paintingPart", { part: percent(progress) }) : say("starting");
      return [part, eta && say("left", { time: range(eta) })];
    }
    const where = place === null ? say("waiting") : place <= 1 ? say("next") : say("place", { place });
    return [where, eta && say("wait", { time: range(eta) })];
  }

  #facts() {
    const { input, output, level, metrics, completed_at: completed } = this.job;
    const first = output[0];
    const seeds = output.at(-1).seed !== first.seed ? `${first.seed}–${output.at(-1).seed}` : `${first.seed}`;
    const rows = [
      ["factSeed", seeds],
      ["factStrength", input.variation_strength && percent(input.variation_strength)],
      ["factSize", sizeOf(first)],
      ["factLevel", level && say(level).toLowerCase()],
      ["factPainted", metrics && duration(metrics.paint_seconds)],
      ["factWaited", metrics && duration(metrics.wait_seconds)],
      ["factNegative", input.negative_prompt],
    ].filter(([, value]) => value);
    const facts = rows.map(([key, value]) => element("div", {}, element("dt", {}, say(key)), " ", element("dd", {}, value)));
    const when = completed && element("div", {}, element("dd", {}, element("time", { datetime: completed }, moment(completed))));
    return element("dl", { class: "facts" }, ...facts, when);
  }

  #notes() {
    const { lowered, words_read: count, negative_words_read: fewer } = this.job;
    return [lowered && say("lowered"), count != null && say("notRead", { count }), fewer != null && say("notAvoided", { count: fewer })].map((note) => note && element("p", { class: "note" }, note));
  }

  #afterwards() {
    const { input, level, lowered } = this.job;
    const better = lowered || (level && level !== "best");
    const best = better && this.#button("best", say(lowered ? "bestLowered" : "bestAgain"), lowered && "primary");
    const vary = input.variation_strength < 0.8 || !input.variation_strength;
    this.download = element("a", { class: "button" }, say("download"));
    return [this.#button("again"), best, vary && this.#button("vary", say(input.variation_strength ? "bolder" : "variations")), this.download, this.#button("erase")];
  }

  #choice() {
    const { id, output } = this.job;
    if (output.length < 2) return null;
    const labels = radios(id, output.map((_, index) => [index, index + 1]), this.chosen, (index) => this.#choose(index));
    return element("fieldset", { class: "segments" }, element("legend", { class: "unseen" }, say("which")), ...labels);
  }

  #choose(index) {
    this.chosen = index;
    const { url, seed } = this.picture;
    this.download.href = url;
    this.download.download = `prompt2pic-${seed}${index ? `-${index + 1}` : ""}.png`;
    this.root.querySelectorAll(".many > *").forEach((one, at) => one.classList.toggle("is-chosen", at === index));
  }

  #button(act, label = say(act), look) {
    const press = async () => {
      if (button.ariaDisabled === "true") return; // `disabled` would take the focus away
      button.ariaDisabled = "true";
      this.error.textContent = "";
      await this.acts[act](this);
      button.ariaDisabled = "false";
    };
    const button = element("button", { type: "button", class: look || null, "data-act": act, on: { click: press } }, label);
    return button;
  }

  #buttons(buttons) {
    return element("div", { class: "actions" }, ...buttons);
  }
}

function sizeOf({ width, height, painted_width: paintedWidth, painted_height: paintedHeight }) {
  const shown = `${width}×${height}`;
  if (!paintedWidth || (paintedWidth === width && paintedHeight === height)) return shown;
  return say("paintedAt", { size: shown, painted: `${paintedWidth}×${paintedHeight}` });
}

