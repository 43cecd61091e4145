// What people do, in a real browser.

import assert from "node:assert/strict";
import { isAccessible, origin, picture, purchase, run, sell, shows, signUp } from "./browser.mjs";

async function sellingBuyingAndPayingWithScript(person) {
  await sellBuyAndPay(person, {});
}

async function sellingBuyingAndPayingWithoutScript(person) {
  await sellBuyAndPay(person, { javaScriptEnabled: false });
}

async function sellBuyAndPay(person, options) {
  const [seller, buyer] = [await person(options), await person(options)];
  seller.scriptless = buyer.scriptless = options.javaScriptEnabled === false;
  await signUp(seller);
  await signUp(buyer);
  const ticket = await sell(seller, "A concert", "20");
  await buyer.goto("/");
  await buyer.getByRole("link", { name: "A concert" }).last().click();
  await buyer.waitForURL(ticket);

  await buyer.getByRole("button", { name: "Purchase" }).click();
  await buyer.waitForURL(/\/orders\//);
  await shows(seller, "Reserved");
  await seller.goto("/tickets/mine");
  await shows(seller, "Reserved");
  await buyer.getByRole("button", { name: "Cancel the order" }).click();
  await shows(buyer, "The order was cancelled, and nothing was charged");

  await buyer.getByRole("link", { name: "See whether the ticket can still be bought" }).click();
  await shows(buyer, "That reserves it for you");
  await buyer.getByRole("button", { name: "Purchase" }).click();
  await buyer.waitForURL(/\/orders\//);
  await buyer.getByLabel("Declined card").check();
  await buyer.getByRole("button", { name: "Pay $20.00" }).click();
  await buyer.getByRole("alert").getByText("declined").waitFor();
  assert(await buyer.getByLabel("Declined card").isChecked(), "the choice is kept");
  await buyer.goto("/orders");
  await buyer.goBack();
  await buyer.getByRole("radio", { name: "Visa succeeds" }).check();
  await buyer.getByRole("button", { name: "Pay $20.00" }).click();
  await shows(buyer, "You have paid. The ticket is yours.");
  await buyer.getByRole("link", { name: "My orders" }).click();
  assert.deepEqual(await buyer.locator(".orders .badge").allTextContents(), ["Paid", "Cancelled"]);
  await buyer.getByRole("button", { name: "Sign out" }).click();
  await buyer.getByRole("link", { name: "Sign in" }).waitFor();
}

async function everythingByKeyboard(person) {
  const page = await person();
  const email = `keys-${Date.now()}@example.com`;
  await page.goto("/");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  await reach(page, "Sign up");
  await page.keyboard.press("Enter");
  await page.waitForURL("/auth/signup");
  await reachField(page, "email");
  await page.keyboard.type(email);
  await page.keyboard.press("Tab");
  await page.keyboard.type("a good password");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await reach(page, "Sell");
  await page.keyboard.press("Enter");
  await page.waitForURL("/tickets/new");
  await reachField(page, "title");
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Tab");
  await page.keyboard.type("19.99");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tickets\/[0-9a-f]{24}$/);
  await reach(page, "Purchase");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/orders\//);
  await reachField(page, "");
  await page.keyboard.press("Space");
  await reach(page, "Pay $19.99");
  await page.keyboard.press("Enter");
  await shows(page, "You have paid. The ticket is yours.");
}

// The text of what has the focus.
const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim());

// Presses Tab until the thing with this text has the focus.
async function reach(page, text) {
  for (let presses = 0; presses < 40; presses++) {
    if ((await focused(page)) === text) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${page.url()}: no Tab leads to ${text}`);
}

// The same with a field; without a name, with any choice.
async function reachField(page, id) {
  for (let presses = 0; presses < 40; presses++) {
    const isThere = await page.evaluate((id) => {
      const { type, id: here } = document.activeElement;
      return id ? here === id : type === "radio";
    }, id);
    if (isThere) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${page.url()}: no Tab leads to ${id || "a choice"}`);
}

async function ofTwoBuyersOneGetsTheTicket(person) {
  const [seller, one, other] = [await person(), await person(), await person()];
  for (const page of [seller, one, other]) await signUp(page);
  const ticket = await sell(seller, "The last one", "5");
  for (const page of [one, other]) await page.goto(ticket);
  const buy = (page) => page.getByRole("button", { name: "Purchase" }).click();
  await Promise.all([buy(one), buy(other)]);
  const outcome = async (page) => {
    const won = page.getByRole("button", { name: "Cancel the order" }).waitFor().then(() => "won");
    const lost = page.getByRole("alert").getByText("already reserved").waitFor().then(() => "lost");
    lost.catch(() => {}), won.catch(() => {});
    return Promise.race([won, lost]);
  };
  assert.deepEqual((await Promise.all([outcome(one), outcome(other)])).sort(), ["lost", "won"]);
}

async function aChangeIsSeenInTheOtherBrowser(person) {
  const [seller, watcher] = [await person(), await person()];
  await signUp(seller);
  await watcher.goto("/");
  const ticket = await sell(seller, "A new one", "10");
  const card = watcher.locator(`#ticket-${ticket.split("/").pop()}`);
  await card.getByText("$10.00").waitFor();
  await seller.goto(`${ticket}/edit`);
  await seller.getByLabel("Price").fill("12.50");
  await seller.getByRole("button", { name: "Save" }).click();
  await card.getByText("$12.50").waitFor();
  const buyer = await person();
  await signUp(buyer);
  const order = await purchase(buyer, ticket);
  await card.getByText("Reserved").waitFor();
  await buyer.goto(order);
  await buyer.getByRole("button", { name: "Cancel the order" }).click();
  await card.getByText("Reserved").waitFor({ state: "hidden" });
  assert.equal(await card.count(), 1);
}

async function anOrderExpiresBeforeTheEyesOfItsBuyer(person) {
  await letExpire(person, {});
}

async function anOrderExpiresWithoutScript(person) {
  await letExpire(person, { javaScriptEnabled: false });
}

async function letExpire(person, options) {
  const [seller, buyer] = [await person(options), await person(options)];
  seller.scriptless = buyer.scriptless = options.javaScriptEnabled === false;
  for (const page of [seller, buyer]) await signUp(page);
  const ticket = await sell(seller, "Not paid for", "7");
  const order = await purchase(buyer, ticket);
  await shows(buyer, buyer.scriptless ? /until \d\d:\d\d:\d\d UTC/ : /^0:[0-5]\d$/);
  await seller.goto(ticket);
  await shows(buyer, "The order was cancelled, and nothing was charged");
  await shows(seller, "You sell this ticket.");
  await shows(seller, "Edit");
  assert.equal(new URL(buyer.url()).pathname, order);
}

async function strangeTitlesAreText(person) {
  const page = await person();
  await signUp(page);
  const long = "W".repeat(200);
  for (const title of ["<script>alert(1)</script>", "\u05d4\u05d5\u05e4\u05e2\u05d4 \u05d7\u05d9\u05d4 (2026)", long, `"'&amp;</title>`]) {
    const ticket = await sell(page, title, "1");
    assert.equal(await page.locator("h1").textContent(), title);
    await page.goto("/");
    const card = page.locator(`#ticket-${ticket.split("/").pop()}`);
    assert.equal(await card.locator("h2").textContent(), title);
  }
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(tooWide, 0, `at ${width} pixels`);
  }
  await picture(page, "strange-titles");
}

async function aFormThatFailsKeepsWhatWasWritten(person) {
  const page = await person({ javaScriptEnabled: false });
  await signUp(page);
  const answer = await page.request.post("/tickets/new", { form: { title: "Too expensive", price: "1234567" } });
  assert.equal(answer.status(), 400);
  const text = await answer.text();
  assert.match(text, /role="alert"/);
  assert.match(text, /href="#price"/);
  assert.match(text, /value="Too expensive"/);
  assert.match(text, /aria-invalid="true" aria-describedby="price-problem"/);
}

async function aFormOfAnotherSiteIsRefused(person) {
  const page = await person();
  await signUp(page);
  const ticket = await sell(page, "Not for strangers", "3");
  await page.route("http://elsewhere.example/", (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `<form method="post" action="${origin}${ticket}/purchase"><button>Win</button></form>`,
    }),
  );
  await page.goto("http://elsewhere.example/");
  const [answer] = await Promise.all([page.waitForResponse(`**${ticket}/purchase`), page.getByRole("button").click()]);
  assert.equal(answer.status(), 403);
  await page.goto("/orders");
  await page.getByText("You have not ordered anything yet").waitFor();
}

async function whoSignsOutDoesSoInAllTabs(person) {
  const page = await person();
  await signUp(page);
  const other = await page.context().newPage();
  await other.goto(`${origin}/tickets/new#main`); // as the link that skips the head leaves it
  await page.goto("/orders");
  await page.getByRole("button", { name: "Sign out" }).click();
  await other.waitForURL(/\/auth\/signin/);
  await page.goBack();
  await page.waitForURL(/\/auth\/signin/); // and not what was shown before
}

async function whoIsAboutToPayKeepsWhatTheyHaveChosen(person) {
  const page = await person();
  await signUp(page);
  await purchase(page, await sell(page, "Chosen", "4"));
  await page.getByLabel("Declined card").check();
  await page.evaluate(() => {
    document.getElementById("timer").isOld = true;
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })); // which fetches the page again
  });
  await page.waitForFunction(() => !document.getElementById("timer").isOld);
  assert(await page.getByLabel("Declined card").isChecked());
  assert(await page.getByLabel("Declined card").evaluate((choice) => choice === document.activeElement));
}

async function everyPageIsAccessible(person) {
  const page = await person();
  const seen = async (path, name) => {
    if (path) await page.goto(path);
    await isAccessible(page);
    await picture(page, name);
  };
  await seen("/auth/signup", "sign-up");
  await seen("/auth/signin", "sign-in");
  await page.getByLabel("E-mail address").fill("nobody@example.com");
  await page.getByLabel("Password").fill("wrong password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await seen(null, "sign-in-refused");
  await seen("/nowhere", "not-found");
  await signUp(page);
  await seen("/auth/signout", "sign-out");
  await seen("/orders", "orders-none");
  await seen("/tickets/mine", "my-tickets-none");
  await seen("/tickets/new", "sell");
  const tickets = [];
  for (const [title, price] of [["Concert in the park", "20"], ["Opera, second row", "119.99"], ["Club night", "8.50"]]) {
    tickets.push(await sell(page, title, price));
  }
  await seen(`${tickets[0]}/edit`, "edit");
  await seen("/tickets/mine", "my-tickets");
  await seen(tickets[0], "own-ticket");
  const buyer = await person();
  await buyer.goto(tickets[0]);
  await isAccessible(buyer);
  await picture(buyer, "ticket-signed-out");
  await signUp(buyer);
  await buyer.goto(tickets[0]);
  await isAccessible(buyer);
  await picture(buyer, "ticket");
  const paid = await purchase(buyer, tickets[0]);
  await isAccessible(buyer);
  await picture(buyer, "order");
  await buyer.getByLabel("Empty card").check();
  await buyer.getByRole("button", { name: "Pay" }).click();
  await buyer.getByRole("alert").waitFor();
  await isAccessible(buyer);
  await picture(buyer, "order-declined");
  await buyer.getByRole("radio", { name: "Visa succeeds" }).check();
  await buyer.getByRole("button", { name: "Pay" }).click();
  await shows(buyer, "You have paid. The ticket is yours.");
  await isAccessible(buyer);
  await picture(buyer, "order-paid");
  const open = await purchase(buyer, tickets[1]);
  await buyer.goto("/orders");
  await isAccessible(buyer);
  await picture(buyer, "orders");
  await buyer.goto(open);
  await buyer.getByRole("button", { name: "Cancel the order" }).click();
  await shows(buyer, "The order was cancelled");
  await isAccessible(buyer);
  await picture(buyer, "order-cancelled");
  await buyer.goto("/");
  await isAccessible(buyer);
  await picture(buyer, "tickets");
  await buyer.goto(`${tickets[2]}/edit`);
  await isAccessible(buyer);
  await picture(buyer, "forbidden");
  assert(paid);
}

const tests = [
  sellingBuyingAndPayingWithScript,
  sellingBuyingAndPayingWithoutScript,
  everythingByKeyboard,
  ofTwoBuyersOneGetsTheTicket,
  aChangeIsSeenInTheOtherBrowser,
  strangeTitlesAreText,
  aFormThatFailsKeepsWhatWasWritten,
  aFormOfAnotherSiteIsRefused,
  whoSignsOutDoesSoInAllTabs,
  whoIsAboutToPayKeepsWhatTheyHaveChosen,
  everyPageIsAccessible,
];
await run(tests, [anOrderExpiresBeforeTheEyesOfItsBuyer], [anOrderExpiresWithoutScript]); // which takes as long as an order may
