// What the page says, in two languages, and how it writes numbers and times.

const ENGLISH = {
  title: "What shall I paint?",
  placeholder: "Describe a picture: what is in it, its colours, what is behind it",
  examples: "Examples",
  options: "Options",
  level: "Quality",
  auto: "Auto",
  fast: "Fast",
  balanced: "Balanced",
  best: "Best",
  levelHint: "Auto: the shorter the queue, the better the picture",
  size: "Size",
  autoSize: "The model’s own",
  sizesOwn: "Painted as they are",
  sizesResized: "Resized after painting",
  count: "Pictures",
  negative: "Leave out",
  negativePlaceholder: "blurry, text",
  seed: "Seed",
  seedPlaceholder: "random",
  seedHint: "The same number gives the same picture again",
  keys: "Enter to paint, Shift + Enter for a new line",
  paint: "Paint",
  sending: "Sending…",
  gallery: "Your pictures",
  empty: "Your pictures will be here. Describe the first one, or tap an example.",
  more: "Show older ones",
  characters: "{length} of {limit} characters",
  queueEmpty: "the queue is empty",
  queueWaiting: "waiting: {waiting}",
  queuePainting: "painting: {painting}",
  queueAsleep: "the painter is not ready yet",
  next: "Next in the queue",
  place: "Place in the queue: {place}",
  waiting: "In the queue",
  wait: "the picture will be here in about {time}",
  starting: "Getting the brushes ready",
  painting: "Painting",
  paintingPart: "Painting: {part}",
  left: "about {time} left",
  ready: "The picture is ready",
  failed: "This one did not work out",
  canceled: "Cancelled",
  factSeed: "seed",
  factSize: "size",
  factLevel: "quality",
  factPainted: "painted in",
  factWaited: "waited",
  factNegative: "left out",
  paintedAt: "{size}, painted at {painted} and resized",
  lowered: "Many people were waiting, so it was painted faster than at the best quality.",
  cancel: "Cancel",
  again: "Again",
  bestAgain: "Best quality",
  bestLowered: "Again, best quality",
  download: "Download",
  pictureGone: "This picture is not kept any more.",
  away: "Prompt2Pic does not answer. Nothing is lost: I keep trying to reach it.",
  back: "Connected again",
  unsent: "It could not be sent: Prompt2Pic does not answer. Try again in a while.",
  unreadable: "Prompt2Pic gave an answer that this page does not understand ({status}). Try again in a while.",
  doneTitle: "✓ Ready",
};

const RUSSIAN = {
  title: "Что нарисовать?",
  placeholder: "Опишите картинку: что на ней, какого цвета, на каком фоне",
  examples: "Примеры",
  options: "Параметры",
  level: "Качество",
  auto: "Авто",
  fast: "Быстрое",
  balanced: "Среднее",
  best: "Лучшее",
  levelHint: "Авто: чем короче очередь, тем лучше картинка",
  size: "Размер",
  autoSize: "Родной размер модели",
  sizesOwn: "Рисуются как есть",
  sizesResized: "С изменением размера",
  count: "Сколько картинок",
  negative: "Чего не должно быть",
  negativePlaceholder: "размытость, надписи",
  seed: "Зерно",
  seedPlaceholder: "случайное",
  seedHint: "С тем же числом получится та же картинка",
  keys: "Enter — нарисовать, Shift + Enter — новая строка",
  paint: "Нарисовать",
  sending: "Отправляю…",
  gallery: "Ваши картинки",
  empty: "Здесь появятся ваши картинки. Опишите первую или выберите пример.",
  more: "Показать более ранние",
  characters: "{length} из {limit} символов",
  queueEmpty: "очередь пуста",
  queueWaiting: "ждут: {waiting}",
  queuePainting: "рисуется: {painting}",
  queueAsleep: "художник ещё не готов",
  next: "Следующая в очереди",
  place: "Место в очереди: {place}",
  waiting: "В очереди",
  wait: "картинка будет примерно через {time}",
  starting: "Готовлю кисти",
  painting: "Рисую",
  paintingPart: "Рисую: {part}",
  left: "осталось примерно {time}",
  ready: "Картинка готова",
  failed: "Не получилось",
  canceled: "Отменено",
  factSeed: "зерно",
  factSize: "размер",
  factLevel: "качество",
  factPainted: "рисование",
  factWaited: "ожидание",
  factNegative: "без",
  paintedAt: "{size}, нарисовано в {painted}",
  lowered: "Ждало много людей, поэтому картинка нарисована быстрее, чем в лучшем качестве.",
  cancel: "Отменить",
  again: "Ещё раз",
  bestAgain: "Лучшее качество",
  bestLowered: "Ещё раз, в лучшем качестве",
  download: "Скачать",
  pictureGone: "Эта картинка больше не хранится.",
  away: "Prompt2Pic не отвечает. Ничего не потеряно: пробую подключиться снова.",
  back: "Снова на связи",
  unsent: "Не удалось отправить: Prompt2Pic не отвечает. Попробуйте чуть позже.",
  unreadable: "Prompt2Pic ответил непонятно ({status}). Попробуйте чуть позже.",
  doneTitle: "✓ Готово",
};

const EXAMPLES = {
  en: ["A sunset over the ocean", "A red apple on a blue background", "A ginger cat", "A snowy mountain"],
  ru: ["Закат над океаном", "Красное яблоко на синем фоне", "Рыжий кот", "Снежная гора"],
};

const WORDS = { en: ENGLISH, ru: RUSSIAN };

export const language = (navigator.languages ?? [navigator.language])
  .map((tag) => tag.slice(0, 2).toLowerCase())
  .find((tag) => tag in WORDS) ?? "en";

export const examples = EXAMPLES[language];

/** Return the sentence of `key` with `{name}` replaced by `values`. */
export function say(key, values = {}) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
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
