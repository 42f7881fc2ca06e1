// One call makes an element with its attributes and children, or a row of radio buttons.

const isThere = (value) => (value ?? false) !== false;

/** Return a new element; what is null, undefined or false is left out, `on` holds listeners. */
export function element(tag, { on = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (isThere(value)) made.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) made.addEventListener(event, listener);
  made.append(...children.filter(isThere));
  return made;
}

/** Return labelled radio buttons, one for each [value, text]. */
export function radios(name, choices, chosen, choose = () => {}) {
  return choices.map(([value, text]) => {
    const input = element("input", { type: "radio", name, value, checked: value === chosen, on: { change: () => choose(value) } });
    return element("label", {}, input, element("span", {}, text));
  });
}
