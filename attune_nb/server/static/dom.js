// Elements made without HTML, and changes to them that touch only what differs.

/**
 * Return a new element. Texts are set as text, never as HTML.
 *
 * `properties` are attributes of the element; a key that begins with `on` is a listener, and an
 * attribute that is false, null or undefined is left out.
 */
export function makeElement(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Set the text of an element if it differs, so that a selection in it stays. */
export function setText(element, text) {
  const shown = String(text);
  if (element.textContent !== shown) element.textContent = shown;
}

/** Set a text in which words between backticks are code. */
export function setMarkedText(element, text) {
  if (element.dataset.text === text) return;
  element.dataset.text = text;
  const parts = text.split('`');
  // a backtick without a second one is only a letter
  if (parts.length % 2 === 0) parts.push(`${parts.splice(-2, 1)[0]}\`${parts.pop()}`);
  element.replaceChildren(...parts.map(
    (part, place) => (place % 2 ? makeElement('code', {}, part) : part)));
}

/** Set an attribute if it differs; true sets an empty one, and false, null, undefined none. */
export function setAttribute(element, name, value) {
  if (value === false || value === null || value === undefined) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? '' : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Show or hide an element. */
export function setShown(element, isShown) {
  if (element.hidden === isShown) element.hidden = !isShown;
}

/**
 * Make the children of a parent those of a list, in their order.
 *
 * Elements that stay are not moved unless their order has changed, so a selection, the focus and
 * the place of scrolling stay.
 */
export function arrange(parent, elements) {
  const wanted = new Set(elements);
  for (const child of [...parent.children]) {
    if (!wanted.has(child)) child.remove();
  }

  let next = parent.firstElementChild;
  for (const element of elements) {
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
}

/** Return whether a person selects text in an element, or has the focus in it. */
export function isInUse(element) {
  if (element.contains(document.activeElement)) return true;
  const selection = document.getSelection();
  return !selection.isCollapsed && selection.containsNode(element, true);
}
