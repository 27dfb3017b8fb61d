// A button that pastes a photo, and Ctrl+V anywhere on the page. The picture is put into the input
// of the file uploader beside it: from there on it goes the way of every file that is chosen.

const buttons = new WeakMap();
const ENDINGS = { "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif", "image/bmp": "bmp" };

export default function (component) {
  const { parentElement, data } = component;
  if (!buttons.has(parentElement)) buttons.set(parentElement, new PasteButton(parentElement));
  const button = buttons.get(parentElement);
  button.uploader = data.uploader;
  return () => {
    button.close();
    buttons.delete(parentElement);
  };
}

class PasteButton {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "petal-clipboard";
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.textContent = "Paste a photo";
    this.said = document.createElement("span");
    this.said.setAttribute("role", "status");
    this.root.append(this.button, this.said);
    parent.appendChild(this.root);
    this.say();
    this.button.addEventListener("click", () => this.read());
    this.hear = (event) => this.paste(event);
    document.addEventListener("paste", this.hear);
  }

  say(text) {
    this.said.textContent = text ?? "or press Ctrl+V";
    this.said.className = text === undefined ? "petal-keys" : "";
  }

  paste(event) {
    const files = [...(event.clipboardData?.files ?? [])].filter(isPicture);
    if (!files.length) return; // text, which belongs to the field it is pasted into
    event.preventDefault();
    this.hand(files);
  }

  async read() {
    // Browsers give the clipboard out only on localhost or https, and after asking.
    if (!navigator.clipboard?.read) {
      this.say("This browser does not let a page read the clipboard: press Ctrl+V instead.");
      return;
    }
    try {
      const files = [];
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((name) => name.startsWith("image/"));
        if (type) files.push(new File([await item.getType(type)], "image", { type }));
      }
      if (files.length) this.hand(files);
      else this.say("There is no photo in the clipboard. Copy one first.");
    } catch {
      this.say("The browser did not allow access to the clipboard: press Ctrl+V instead.");
    }
  }

  hand(files) {
    const place = `.st-key-${this.uploader.replace(/[^\w-]/g, "-")}`; // as Streamlit names it
    const input = document.querySelector(`${place} input[type=file]`);
    if (!input) {
      this.say("There is no place for a photo at the moment.");
      return;
    }
    const handed = new DataTransfer();
    files.forEach((file, place) => handed.items.add(rename(file, place)));
    input.files = handed.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    this.say(files.length > 1 ? `${files.length} photos were pasted.` : "The photo was pasted.");
  }

  close() {
    document.removeEventListener("paste", this.hear);
    this.root.remove();
  }
}

function isPicture(file) {
  return file.type.startsWith("image/") || /\.(zip|tgz|tar|gz)$/i.test(file.name);
}

function rename(file, place) {
  // All pictures in a clipboard are called image.png; a copied file keeps its name.
  if (!/^image(\.\w+)?$/.test(file.name)) return file;
  const now = new Date();
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
  const number = place ? ` ${place + 1}` : "";
  const name = `pasted ${time}${number}.${ENDINGS[file.type] ?? "png"}`;
  return new File([file], name, { type: file.type });
}
