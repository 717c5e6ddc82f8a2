// Selecting pictures of a list: by clicks, with Shift up to the last one, and by the keyboard.
// It follows the listbox pattern of the ARIA Authoring Practices: one picture is in the tab order.

/** The pictures of a list, of which people select some. */
export class Selection {
  /**
   * @param {HTMLElement} list with the role listbox; its items have the role option and `data-sha256`
   * @param {(count: number) => unknown} onChange told how many are selected
   */
  constructor(list, onChange) {
    this.list = list;
    this.onChange = onChange;
    this.at = 0;
    this.anchor = 0;
    list.addEventListener("click", (event) => this.clicked(event));
    list.addEventListener("keydown", (event) => this.pressed(event));
  }

  /** @returns {HTMLElement[]} */
  get items() {
    return [...this.list.querySelectorAll("[role=option]")].filter((item) => item instanceof HTMLElement);
  }

  /** The SHA-256 of the pictures that are selected. */
  get chosen() {
    return this.items.filter(isSelected).map((item) => item.dataset.sha256 ?? "");
  }

  /** The list has other items: none is selected, and the first is in the tab order. */
  restart() {
    this.at = 0;
    this.anchor = 0;
    this.grown();
    this.onChange(0);
  }

  /** The list has more items. */
  grown() {
    this.items.forEach((item, i) => item.setAttribute("tabindex", i === this.at ? "0" : "-1"));
  }

  clear() {
    for (const item of this.items) item.setAttribute("aria-selected", "false");
    this.onChange(0);
  }

  /** Let the keyboard go on where it was. */
  focus() {
    const { items } = this;
    items[Math.min(this.at, items.length - 1)]?.focus({ preventScroll: true });
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const item = event.target instanceof Element ? event.target.closest("[role=option]") : null;
    const index = this.items.findIndex((each) => each === item);
    if (index < 0) return;
    if (event.shiftKey) this.range(index);
    else this.toggle(index);
    this.go(index);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const to = this.destination(event.key);
    if (to !== undefined) {
      if (event.shiftKey) this.range(to);
      else this.anchor = to;
      this.go(to);
    } else if (event.key === " " || event.key === "x") this.toggle(this.at);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.select(0, this.items.length - 1);
    else if (event.key === "Escape") this.clear();
    else return;
    event.preventDefault();
  }

  /** Where a key leads; undefined for a key that does not move. @param {string} key */
  destination(key) {
    const last = this.items.length - 1;
    /** @type {Record<string, number>} */
    const places = { Home: 0, End: last, ArrowLeft: this.at - 1, ArrowRight: this.at + 1, ArrowUp: this.at - this.columns, ArrowDown: this.at + this.columns };
    const place = places[key];
    return place === undefined ? undefined : Math.max(0, Math.min(last, place));
  }

  /** The number of pictures in a row, as the browser has laid them out. */
  get columns() {
    const { items } = this;
    const below = items.findIndex((item) => item.offsetTop > items[0].offsetTop);
    return below > 0 ? below : Math.max(items.length, 1);
  }

  /** @param {number} index */
  go(index) {
    this.at = index;
    this.grown();
    this.items[index]?.focus();
  }

  /** @param {number} index */
  toggle(index) {
    const item = this.items[index];
    if (!item) return;
    item.setAttribute("aria-selected", String(!isSelected(item)));
    this.anchor = index;
    this.onChange(this.chosen.length);
  }

  /** Select from the anchor to here, and nothing else. @param {number} index */
  range(index) {
    this.select(Math.min(this.anchor, index), Math.max(this.anchor, index));
  }

  /** @param {number} first @param {number} last */
  select(first, last) {
    this.items.forEach((item, i) => item.setAttribute("aria-selected", String(i >= first && i <= last)));
    this.onChange(this.chosen.length);
  }
}

/** @param {HTMLElement} item */
const isSelected = (item) => item.getAttribute("aria-selected") === "true";
