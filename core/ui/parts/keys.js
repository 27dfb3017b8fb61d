// Keys wait while the page still answers. Each press has an id and is sent until Python has reported
// that id as done, so that none acts twice. It says what it is aimed at: the item that is drawn, or
// whatever follows the press before it, if that one is not answered yet.

const places = new Map(); // of each element: its component, keys and last press that is done
const waiting = [];
const PATIENCE = 5000; // ms until a press is sent again
const SETTLED = 1000; // ms until keys that are no longer drawn are gone
const tab = Math.random().toString(36).slice(2);
let draining = false;
let presses = 0;

export default function (component) {
  const { parentElement, data } = component;
  const { done, item } = data;
  places.delete(parentElement); // the newest is last
  const place = { component, keys: new Set(data.keys), done, item };
  places.set(parentElement, place);
  parentElement.dataset.keys = data.keys.join(" "); // from now on none is lost
  window.addEventListener("keydown", hold, true);
  return () => {
    delete parentElement.dataset.keys;
    place.gone = true; // it may be drawn again after a lost connection: its keys wait
    setTimeout(() => {
      if (places.get(parentElement) === place) places.delete(parentElement);
      if (places.size === 0) window.removeEventListener("keydown", hold, true);
    }, SETTLED);
  };
}

function hold(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const other = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
  if (!event.isTrusted || other || !findPlace(key) || isForField(event.target, key)) return;
  event.stopImmediatePropagation();
  event.preventDefault();
  // A key held down is one press; arrows go on as fast as the page answers.
  if (event.repeat && (!isArrow(key) || waiting.length)) return;
  const aim = draining ? { after: `${tab}.${presses}` } : { item: findPlace(key).item };
  waiting.push({ id: `${tab}.${++presses}`, key, ...aim });
  if (!draining) drain();
}

function isArrow(key) {
  return key.startsWith("Arrow");
}

// Letters belong to fields of text, arrows also to what arrows move.
function isForField(target, key) {
  const texts = "textarea, [contenteditable], input:not([type=checkbox], [type=radio], [type=range])";
  const moved = "[type=radio], [type=range], [role=slider], [role=tablist]";
  return target instanceof Element && target.closest(isArrow(key) ? `${texts}, ${moved}` : texts) !== null;
}

// The newest place that knows a key; one that is gone if no other does. A dialog has replaced the one
// that is gone: it is not coming back at once.
function findPlace(key) {
  const known = [...places.values()].reverse().filter((place) => place.keys.has(key));
  const isReplaced = document.querySelector("[role=dialog]") !== null;
  return known.find((place) => !place.gone) ?? (isReplaced ? undefined : known[0]);
}

function findDrawn(key) {
  const place = findPlace(key);
  return place?.gone ? undefined : place;
}

async function drain() {
  draining = true;
  while (waiting.length) await send(waiting.shift());
  draining = false;
}

async function send(press) {
  const isDone = () => [...places.values()].some((place) => place.done === press.id);
  for (let attempt = 1; ; attempt++) {
    await until(() => !isAnswering(), PATIENCE); // after a lost connection it may seem to for ever
    await until(() => findDrawn(press.key), SETTLED); // drawn again after a lost connection
    const place = findDrawn(press.key);
    if (isDone() || !place) return;
    place.component.setStateValue("pressed", { ...press, attempt });
    await until(() => isDone() || !findDrawn(press.key), PATIENCE);
  }
}

function isAnswering() {
  const app = document.querySelector("[data-test-script-state]");
  const { testScriptState, testConnectionState } = app?.dataset ?? {};
  return testScriptState !== "notRunning" || testConnectionState !== "CONNECTED";
}

async function until(holds, patience = Infinity) {
  const end = performance.now() + patience;
  while (!holds() && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
