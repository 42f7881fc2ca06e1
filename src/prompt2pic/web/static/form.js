// The form: what is asked for, and what is wrong with it beside the field at fault.

import { element, radios } from "./element.js";
import { examples, say, size } from "./words.js";

const USUAL = ["512x512", "768x512", "512x768", "768x768", "1024x1024", "1024x768", "768x1024", "1536x1024", "1024x1536"];
const NO_SEED = -1; // what is no number goes as a wrong one, for which the server has a sentence
const MANY = 8; // sizes that are still easy to choose from

const LEVELS = ["auto", "fast", "balanced", "best"];
const FOLDED = ["negative_prompt", "size", "n", "seed", "level"];
const FIELDS = ["prompt", ...FOLDED];

/** Reads and minds the form; `onSubmit(body)` is called for each press, one at a time. */
export class Form {
  constructor(form, onSubmit) {
    this.form = form;
    this.onSubmit = onSubmit;
    this.busy = false;
    this.options = form.querySelector("#options");
    this.button = form.querySelector("#paint");
    this.prompt = form.elements.prompt;
    form.addEventListener("submit", (event) => this.#submit(event));
    form.addEventListener("input", (event) => this.#changed(event.target.name));
    this.prompt.addEventListener("keydown", (event) => this.#key(event));
    form.querySelector(".segments").append(...radios("level", LEVELS.map((level) => [level, say(level)]), "auto"));
    for (const name of FIELDS) this.#makeRoom(name);
    this.#offerExamples(form.querySelector("#examples"));
    this.#changed("prompt");
  }

  /** Return what the API wants; a field left alone is left out. */
  body() {
    const { prompt, negative_prompt: negative, size: wanted, n, seed, level } = this.form.elements;
    const body = { prompt: prompt.value, options_in_prompt: true };
    if (level.value !== "auto") body.level = level.value;
    if (wanted.value !== "auto") body.size = wanted.value;
    if (n.value !== "" && n.value !== "1") body.n = Math.trunc(Number(n.value));
    if (seed.value.trim()) body.seed = /^\d+$/.test(seed.value.trim()) ? Number(seed.value) : NO_SEED;
    if (negative.value.trim()) body.negative_prompt = negative.value;
    return body;
  }

  /** Offer the sizes of the model, and the usual ones it would be resized to. */
  offerSizes(model) {
    const own = model.sizes.length > MANY ? USUAL.filter((one) => model.sizes.includes(one)) : model.sizes;
    const select = this.form.elements.size;
    const chosen = select.value;
    select.querySelectorAll("optgroup").forEach((group) => group.remove());
    select.append(...groups(own, USUAL.filter((one) => !model.sizes.includes(one))));
    select.value = chosen;
    if (select.selectedIndex < 0) select.value = "auto";
  }

  /** Show a sentence beside the field it is about; an option such as --ar stands in the prompt. */
  refuse(sentence, { param, code }) {
    const field = code?.startsWith("option-") ? "prompt" : param === "negative" ? "negative_prompt" : param;
    if (!FIELDS.includes(field)) {
      this.form.querySelector("#form-error").textContent = sentence;
      return;
    }
    if (FOLDED.includes(field)) this.options.open = true;
    this.#mark(field, sentence);
    const control = this.form.elements[field];
    (control instanceof RadioNodeList ? control[0] : control).focus();
  }

  async #submit(event) {
    event.preventDefault();
    if (this.busy) return;
    this.#busy(true);
    this.#forgive();
    await this.onSubmit(this.body());
    this.#busy(false);
  }

  #busy(busy) {
    this.busy = busy;
    this.button.ariaDisabled = String(busy);
    this.button.textContent = say(busy ? "sending" : "paint");
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!event.repeat) this.form.requestSubmit();
  }

  #changed(name) {
    this.#mark(name, "");
    this.#summarise();
  }

  /** Make the place where a sentence about a field will stand. */
  #makeRoom(name) {
    const control = this.form.querySelector(`#${name}`);
    const error = element("p", { id: `${name}-error`, class: "error", role: "alert" });
    if (control.matches("fieldset")) control.append(error);
    else control.after(error);
    const hint = this.form.querySelector(`#${name}-hint`);
    control.setAttribute("aria-describedby", hint ? `${hint.id} ${error.id}` : error.id);
  }

  #mark(name, sentence) {
    const error = this.form.querySelector(`#${name}-error`);
    const control = this.form.querySelector(`#${name}`);
    error.textContent = sentence;
    if (sentence) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }

  #forgive() {
    for (const name of FIELDS) this.#mark(name, "");
    this.form.querySelector("#form-error").textContent = "";
  }

  // What is folded away and not as usual is told on the fold.
  #summarise() {
    const { level, size: wanted, n, seed, negative_prompt: negative } = this.body();
    const told = [level && say(level).toLowerCase(), wanted && size(wanted), n && `× ${n}`, negative && `− ${negative}`];
    if (seed >= 0) told.push(`${say("factSeed")} ${seed}`);
    this.form.querySelector("#chosen").textContent = told.filter(Boolean).join(" · ");
  }

  #offerExamples(list) {
    const choose = (example) => {
      this.prompt.value = example;
      this.#changed("prompt");
      this.prompt.focus();
    };
    const chip = (example) => element("button", { type: "button", class: "chip", on: { click: () => choose(example) } }, example);
    list.append(...examples.map((example) => element("li", {}, chip(example))));
  }
}

function groups(own, resized) {
  const made = (key, sizes) => element("optgroup", { label: say(key) }, ...sizes.map((one) => element("option", { value: one }, size(one))));
  return [made("sizesOwn", own), ...(resized.length ? [made("sizesResized", resized)] : [])];
}
