// What the page says, in the language the server put into it, and how it writes numbers and times.

const WORDS = JSON.parse(document.getElementById("words").textContent);

export const language = document.documentElement.lang;

export const examples = WORDS.exampleList.split(" | ");

/** Return the sentence of `key` with `{name}` replaced by `values`. */
export function say(key, values = {}) {
  return WORDS[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Put the person's language into everything that is marked with `data-say`. */
export function translate(root) {
  for (const [mark, attribute] of [["say-placeholder", "placeholder"], ["say-label", "aria-label"]]) {
    for (const found of root.querySelectorAll(`[data-${mark}]`)) found.setAttribute(attribute, say(found.getAttribute(`data-${mark}`)));
  }
  for (const found of root.querySelectorAll("[data-say]")) found.textContent = say(found.dataset.say);
}

const numbers = (unit, digits) =>
  new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits });
const SECONDS = numbers("second", 0);
const TENTHS = numbers("second", 1);
const MINUTES = numbers("minute", 0);
const HOURS = numbers("hour", 1);
const PERCENT = new Intl.NumberFormat(language, { style: "percent" });

/** Return a share of 0 to 1 in percent. */
export const percent = (share) => PERCENT.format(share);

/** Return measured seconds: tenths while they say something. */
export function duration(seconds) {
  if (seconds < 10) return TENTHS.format(seconds);
  if (seconds < 120) return SECONDS.format(seconds);
  return seconds < 5400 ? MINUTES.format(seconds / 60) : HOURS.format(seconds / 3600);
}

/** Return a range of seconds, widened to whole units: a wait is no promise to the tenth. */
export function range([low, high]) {
  const [format, unit] = high < 120 ? [SECONDS, 1] : high < 5400 ? [MINUTES, 60] : [HOURS, 3600];
  const least = Math.max(1, Math.floor(low / unit));
  const most = Math.max(least, Math.ceil(high / unit));
  const told = least === most ? format.format(most) : format.formatRange(least, most);
  return told.replace(/\s/g, "\u00a0").replace(/(–|-)/, "\u2060$1\u2060"); // in one line, always
}

/** Return the time of day, with the date where it was not today. */
export function moment(iso) {
  const then = new Date(iso);
  const today = then.toDateString() === new Date().toDateString();
  return then.toLocaleString(language, today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

/** Return `WxH` as people write it. */
export const size = (text) => text.replace("x", "×");
