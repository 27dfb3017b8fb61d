// The wall of photos: draws what Python packed (payload.py), answers to mouse and keyboard, and
// tells Python what was selected or opened. Text is only ever set as text, never as markup.

const TELL_AFTER_MS = 150;
const walls = new WeakMap();

export default function (component) {
  const { parentElement, data } = component;
  if (!walls.has(parentElement)) walls.set(parentElement, new Wall(parentElement));
  const wall = walls.get(parentElement);
  wall.component = component;
  wall.show(readPage(data));
  return () => {
    wall.close();
    walls.delete(parentElement);
  };
}

function readPage(data) {
  const bytes = new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const page = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  let start = 4 + length;
  for (const item of page.photos) {
    item.content = bytes.subarray(start, start + item.bytes);
    start += item.bytes;
  }
  return page;
}

class Wall {
  constructor(parent) {
    this.root = make("div", "petal-wall");
    this.drawn = "";
    this.items = [];
    this.chosen = new Set();
    this.turn = 0;
    this.current = 0;
    this.anchor = 0;
    this.root.addEventListener("click", (event) => this.click(event));
    this.root.addEventListener("keydown", (event) => this.press(event));
    this.root.addEventListener("focusin", (event) => this.follow(event));
    // A second press of the mouse must not mark the captions between two photos.
    this.root.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
    parent.appendChild(this.root);
  }

  show(page) {
    this.selectable = page.selectable;
    this.opens = page.opens;
    this.root.classList.toggle("petal-still", !page.opens);
    this.root.setAttribute("role", page.selectable ? "listbox" : "group");
    this.root.setAttribute("aria-label", page.label);
    if (page.selectable) this.root.setAttribute("aria-multiselectable", "true");
    const wanted = JSON.stringify(page.photos, (key, value) => (key === "content" ? "" : value));
    if (wanted !== this.drawn) this.draw(page.photos);
    this.drawn = wanted;
    // An answer to an older selection than the newest is no news.
    if (page.turn >= this.turn) {
      this.turn = page.turn;
      this.chosen = new Set(page.selected);
    }
    this.mark();
    // The bar of what is selected is drawn by Streamlit, where the theme's colours have no names.
    const paper = getComputedStyle(this.root).getPropertyValue("--st-background-color");
    document.documentElement.style.setProperty("--petal-paper", paper);
  }

  draw(photos) {
    const hadFocus = this.root.contains(document.activeElement);
    this.forgetPictures();
    this.current = Math.min(this.current, Math.max(0, photos.length - 1));
    this.anchor = this.current;
    this.items = photos.map((item, place) => this.drawPhoto(item, place));
    this.root.replaceChildren(...this.items.map((item) => item.element));
    if (hadFocus) this.focus(this.current);
  }

  drawPhoto(item, place) {
    const element = make("div", "petal-photo");
    const role = this.opens ? "button" : "figure";
    element.setAttribute("role", this.selectable ? "option" : role);
    element.tabIndex = place === this.current ? 0 : -1;
    element.dataset.place = place;
    element.dataset.photo = item.photo;
    const frame = make("div", "petal-frame");
    const picture = make("img");
    picture.alt = item.alt;
    picture.draggable = false;
    picture.src = URL.createObjectURL(new Blob([item.content], { type: "image/webp" }));
    frame.append(picture);
    if (item.badges.length) {
      const badges = make("div", "petal-badges");
      for (const word of item.badges) badges.append(make("span", "petal-badge", word));
      frame.append(badges);
    }
    if (this.selectable) frame.append(make("span", "petal-tick"));
    element.append(frame);
    if (item.caption) {
      const caption = make("div", "petal-caption", item.caption);
      caption.classList.toggle("petal-lines", item.caption.includes("\n"));
      caption.title = item.caption;
      element.append(caption);
    }
    return { photo: item.photo, element, picture };
  }

  mark() {
    this.root.classList.toggle("petal-choosing", this.chosen.size > 0);
    if (!this.selectable) return;
    for (const item of this.items) {
      item.element.setAttribute("aria-selected", String(this.chosen.has(item.photo)));
    }
  }

  click(event) {
    const element = event.target.closest(".petal-photo");
    if (!element) return;
    const place = Number(element.dataset.place);
    this.focus(place);
    const ticked = event.target.classList.contains("petal-tick");
    if (this.selectable && event.shiftKey) this.chooseRange(place);
    else if (this.selectable && (ticked || event.ctrlKey || event.metaKey)) this.toggle(place);
    else this.open(place);
  }

  press(event) {
    if (event.altKey) return;
    const letter = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (letter !== "a" || !this.selectable) return;
      this.items.forEach((item) => this.chosen.add(item.photo));
      this.tell();
    } else if (event.key === "Enter") this.open(this.current);
    else if (event.key === " " || letter === "x") this.selectable && this.toggle(this.current);
    else if (event.key === "Escape" && this.selectable && this.chosen.size) {
      this.chosen.clear();
      this.tell();
    } else if (event.key === "PageDown" || event.key === "PageUp") {
      this.component.setTriggerValue("turned", event.key === "PageDown" ? 1 : -1);
    } else if (!this.move(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(event) {
    const last = this.items.length - 1;
    const steps = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: this.columns(),
      ArrowUp: -this.columns(),
      Home: -this.current,
      End: last - this.current,
    };
    if (!(event.key in steps)) return false;
    const place = this.current + steps[event.key];
    if (place >= 0 && place <= last) {
      if (event.shiftKey && this.selectable) this.chooseRange(place);
      this.focus(place);
    }
    return true;
  }

  columns() {
    const top = this.items[0].element.offsetTop;
    const next = this.items.findIndex((item) => item.element.offsetTop > top);
    return next < 0 ? this.items.length : next;
  }

  follow(event) {
    const element = event.target.closest(".petal-photo");
    if (element) this.setCurrent(Number(element.dataset.place));
  }

  focus(place) {
    this.setCurrent(place);
    this.items[place]?.element.focus();
  }

  setCurrent(place) {
    const before = this.items[this.current];
    if (before) before.element.tabIndex = -1;
    this.current = place;
    if (this.items[place]) this.items[place].element.tabIndex = 0;
  }

  toggle(place) {
    const { photo } = this.items[place];
    if (!this.chosen.delete(photo)) this.chosen.add(photo);
    this.anchor = place;
    this.tell();
  }

  chooseRange(place) {
    const [from, to] = [Math.min(this.anchor, place), Math.max(this.anchor, place)];
    for (const item of this.items.slice(from, to + 1)) this.chosen.add(item.photo);
    this.tell();
  }

  tell() {
    this.turn += 1;
    this.mark();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tellNow(), TELL_AFTER_MS);
  }

  tellNow() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.component.setStateValue("selected", { photos: [...this.chosen], turn: this.turn });
  }

  open(place) {
    if (!this.items[place] || !this.opens) return;
    if (this.timer) this.tellNow();
    this.component.setTriggerValue("opened", this.items[place].photo);
  }

  forgetPictures() {
    for (const item of this.items) URL.revokeObjectURL(item.picture.src);
  }

  close() {
    if (this.timer) this.tellNow();
    this.forgetPictures();
    this.root.remove();
  }
}

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}
