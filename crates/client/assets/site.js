// Makes a page follow what happens. Every page is complete without it, and everything it shows comes from the server: a
// changed row from the event that says so, any other change from the same page, fetched again.

const main = () => document.querySelector("main");
const page = () => main().dataset.page ?? location.href.split("#")[0]; // with a #, nothing would be loaded

// The stream of changes. Hidden pages have none: a browser allows six connections to a site for all its tabs.
let source, followed, position, wait = 1000;

function connect() {
  const { live, after } = main().dataset;
  if (live !== followed) disconnect();
  if (!live || document.hidden || source) return;
  if (live !== followed) position = after;
  followed = live;
  source = new EventSource(`/api/live?${live}&after=${position}`);
  source.addEventListener("open", () => { wait = 1000; });
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) return; // otherwise it comes back by itself
    disconnect();
    setTimeout(connect, wait + Math.random() * wait);
    wait = Math.min(2 * wait, 60_000);
  });
  for (const [kind, act] of Object.entries({ ticket, order, reset: refreshSoon, "signed-out": refreshSoon })) {
    source.addEventListener(kind, (event) => {
      if (event.lastEventId) position = event.lastEventId;
      act(JSON.parse(event.data));
    });
  }
}

function disconnect() {
  source?.close();
  source = undefined;
}

// An order has changed, or is what it was: a stream begins with the orders as they are.
function order({ id, status }) {
  const shown = document.querySelector(`[data-order="${id}"]`);
  if (shown?.dataset.status !== status) refreshSoon();
}

// A ticket has changed: its card does, or appears in its place.
function ticket({ id, title, price, version, reserved }) {
  const list = document.querySelector(".cards");
  if (!list) {
    if (Number(main().dataset.version) < version) refreshSoon();
    return;
  }
  let card = document.getElementById(`ticket-${id}`);
  if (card && Number(card.dataset.version) >= version) return;
  if (!card) {
    card = place(list, `ticket-${id}`, reserved);
    if (!card) return;
  }
  card.dataset.version = version;
  const link = card.querySelector("a");
  link.textContent = title;
  link.href = `/tickets/${id}`;
  card.querySelector(".price").textContent = `$${price.toFixed(2)}`;
  card.querySelector(".reserved").hidden = !reserved;
}

// A new card where the list, which is ordered by ids, has its place; none if that is on another page of the list.
function place(list, id, reserved) {
  const template = document.getElementById("card");
  const next = [...list.children].find((card) => card.id > id);
  const isElsewhere = id <= (list.dataset.behind ?? "") || (!next && list.dataset.grows === "no");
  if (!template || reserved || isElsewhere || list.children.length >= 500) return;
  const card = template.content.firstElementChild.cloneNode(true);
  card.id = id;
  list.insertBefore(card, next ?? null);
  document.querySelector(".empty")?.setAttribute("hidden", "");
  return card;
}

// Fetches the page again, a little later, since everybody who looks at the same thing does so.
let refreshing;
function refreshSoon() {
  refreshing ??= setTimeout(async () => {
    refreshing = undefined;
    try {
      await refresh();
    } catch {
      setTimeout(refreshSoon, 2000); // the server is away
    }
  }, Math.random() * 200);
}

async function refresh() {
  const answer = await fetch(page());
  if (answer.status >= 500) throw new Error(answer.statusText);
  if (answer.redirected) return location.assign(answer.url); // to sign in, say
  const { body, title } = new DOMParser().parseFromString(await answer.text(), "text/html");
  const before = main(), fresh = body.querySelector("main");
  const needsStripe = fresh.querySelector("#stripe") && !before.querySelector("#stripe");
  if (isAnother(body.dataset.reader) || needsStripe) return location.assign(page()); // the head changes too
  document.title = title;
  if (before.querySelector("#pay, #stripe") && fresh.querySelector("#pay, #stripe")) {
    // Whoever is about to pay keeps what they have filled in.
    before.querySelector("#timer").replaceWith(fresh.querySelector("#timer"));
    Object.assign(before.dataset, fresh.dataset);
  } else if (before.innerHTML !== fresh.innerHTML) {
    const focused = before.contains(document.activeElement) ? document.activeElement.id : undefined;
    before.replaceWith(fresh);
    if (focused !== undefined) (document.getElementById(focused) ?? fresh).focus({ preventScroll: true });
    const badge = (page) => page.querySelector(".ticket .badge")?.textContent ?? "";
    if (badge(before) !== badge(fresh)) announce(badge(fresh));
  }
  begin();
}

function announce(text) {
  document.getElementById("announcement").textContent = text;
}

// The time that is left to pay, by the clock of the service that ends the order.
let ticking, looking;
function countDown() {
  clearInterval(ticking);
  const timer = document.getElementById("timer");
  if (!timer) return;
  const ahead = Date.parse(timer.dataset.now) - Date.now();
  const end = Date.parse(timer.dataset.ends);
  const show = () => {
    const left = Math.max(0, Math.ceil((end - Date.now() - ahead) / 1000));
    timer.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left === 60) announce("One minute left to pay");
    if (left > 0) return;
    clearInterval(ticking);
    announce("The time to pay is over");
    refreshSoon();
  };
  show();
  ticking = setInterval(show, 1000);
}

function begin() {
  countDown();
  connect();
  clearTimeout(looking);
  if ("unsettled" in main().dataset) looking = setTimeout(refreshSoon, 2000);
  else if (followed && !main().dataset.live) looking = setTimeout(refreshSoon, 20_000); // the gateway is away
}

document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
addEventListener("pagehide", disconnect);
addEventListener("pageshow", ({ persisted }) => {
  for (const button of document.querySelectorAll("button")) button.disabled = false; // some browsers remember that it was
  const [{ type }] = performance.getEntriesByType("navigation");
  if (persisted || type === "back_forward") refreshSoon(); // the answer of a form is shown as it was
});

// One click is one request.
document.addEventListener("submit", ({ target }) => {
  setTimeout(() => {
    for (const button of target.querySelectorAll("button")) button.disabled = true;
  });
});

// Whoever signs in or out does so in all tabs.
const reader = document.body.dataset.reader;
const isAnother = (other) => reader && other && other !== reader;
const tabs = new BroadcastChannel("reader");
if (reader) tabs.postMessage(reader);
tabs.addEventListener("message", ({ data }) => {
  if (isAnother(data)) location.assign(page());
});

begin();
