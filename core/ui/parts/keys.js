// Keys wait while the page still answers, and are pressed again one by one: none is lost, and each
// is heard by the buttons of what is shown by then, never by those of the photo before.

const heard = new Map(); // of each place: the keys that wait
const waiting = [];
const MOST = 100; // keys that wait
const PATIENCE = 5000; // ms until a page that was asked has drawn them
let draining = false;
let drawn = 0; // when the buttons were drawn last

export default function (component) {
  const { parentElement, data } = component;
  heard.set(parentElement, new Set(data.keys));
  drawn = data.drawn;
  parentElement.dataset.keys = data.keys.join(" "); // from now on none is lost
  window.addEventListener("keydown", hold, true);
  return () => {
    heard.delete(parentElement);
    delete parentElement.dataset.keys;
    if (heard.size === 0) window.removeEventListener("keydown", hold, true);
  };
}

function hold(event) {
  const typed = event.target instanceof Element && event.target.closest("input, textarea, [contenteditable]");
  const other = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const known = [...heard.values()].some((keys) => keys.has(key));
  if (!event.isTrusted || typed || other || !known) return;
  event.stopImmediatePropagation();
  event.preventDefault();
  if (waiting.length < MOST) waiting.push(event);
  if (!draining) drain();
}

async function drain() {
  draining = true;
  while (waiting.length) {
    await until(() => !isAnswering());
    const before = drawn;
    if (press(waiting.shift())) await until(() => drawn !== before, PATIENCE);
  }
  draining = false;
}

// Press the key again; true when a button took it.
function press(event) {
  const target = event.target.isConnected ? event.target : document.body;
  const [down, up] = ["keydown", "keyup"].map((kind) => {
    const { key, code, keyCode, which } = event;
    return new KeyboardEvent(kind, { key, code, keyCode, which, bubbles: true, cancelable: true });
  });
  target.dispatchEvent(down);
  target.dispatchEvent(up);
  return down.defaultPrevented;
}

function isAnswering() {
  const app = document.querySelector("[data-test-script-state]");
  return app !== null && app.dataset.testScriptState !== "notRunning";
}

async function until(holds, patience = Infinity) {
  const end = performance.now() + patience;
  while (!holds() && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
