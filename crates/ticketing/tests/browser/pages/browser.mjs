// A browser, and people with it. Whatever a page complains of, and whatever axe finds, fails the test.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const [origin, executablePath, screenshots] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

let people = 0;

// Somebody with a browser of their own, which ends with the test.
async function newPerson(contexts, complaints, options) {
  const context = await browser.newContext({ baseURL: origin, ...options });
  contexts.push(context);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => {
    const isRefusal = /the server responded with a status of 4\d\d/.test(message.text()); // a page that tests ask for
    if (["error", "warning"].includes(message.type()) && !isRefusal) complaints.push(`${page.url()}: ${message.type()} ${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.name} ${error.message} ${error.stack}`));
  page.on("requestfailed", (request) => {
    const isLeft = request.failure()?.errorText === "net::ERR_ABORTED"; // the page was left
    if (!isLeft) complaints.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  return page;
}

// Signs up through the form, with an address that nobody has.
export async function signUp(page) {
  const email = `person-${++people}-${Date.now()}@example.com`;
  await page.goto("/");
  await page.getByRole("link", { name: "Sign up" }).click();
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill("a good password");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  return email;
}

// Offers a ticket through the form; the answer is the path of its page.
export async function sell(page, title, price) {
  await page.goto("/tickets/new");
  await page.getByLabel("Title").fill(title);
  await page.getByLabel("Price").fill(price);
  await page.getByRole("button", { name: "Sell", exact: true }).click();
  await page.waitForURL(/\/tickets\/[0-9a-f]{24}$/);
  return new URL(page.url()).pathname;
}

// Reserves a ticket; the answer is the path of the order's page.
export async function purchase(page, ticket) {
  await page.goto(ticket);
  await page.getByRole("button", { name: "Purchase" }).click();
  await page.waitForURL(/\/orders\/[0-9a-f]{24}$/);
  return new URL(page.url()).pathname;
}

// Waits until the page shows the text; without script, by looking again.
export async function shows(page, text) {
  const place = page.getByText(text).filter({ visible: true }).first();
  for (let tries = 0; tries < 400; tries++) {
    try {
      return await place.waitFor({ timeout: page.scriptless ? 200 : 90_000 });
    } catch (error) {
      if (!page.scriptless) throw error;
      await page.goto(page.url());
    }
  }
  throw new Error(`${page.url()} never shows ${text}`);
}

// Finds what makes a page hard to use, in both colour schemes.
export async function isAccessible(page) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate(axe); // past the policy of the page, which forbids the script of anybody else
    const { violations } = await page.evaluate(() => window.axe.run());
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    assert.deepEqual(found, [], `${page.url()}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}

// Keeps pictures of a page, if a folder was named.
export async function picture(page, name) {
  if (!screenshots) return;
  const wide = page.viewportSize();
  for (const [kind, colorScheme, width] of [["light", "light", 1280], ["dark", "dark", 1280], ["phone", "light", 360]]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    await page.screenshot({ path: `${screenshots}/${name}-${kind}.png`, fullPage: true });
  }
  await page.setViewportSize(wide);
  await page.emulateMedia({ colorScheme: null });
}

// Runs these tests one after the other; the answer is how many have failed. Each is handed what makes a person.
async function inTurn(tests) {
  let failed = 0;
  for (const test of tests) {
    const [began, contexts, complaints] = [Date.now(), [], []];
    try {
      await test((options = {}) => newPerson(contexts, complaints, options));
      assert.deepEqual(complaints, [], "what the pages complained of");
      console.log(`ok ${test.name} (${Date.now() - began} ms)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${test.name}: ${error.stack}`);
    }
    for (const context of contexts) await context.close();
  }
  return failed;
}

// Runs these lists of tests beside each other, and ends the browser.
export async function run(...lists) {
  const failed = await Promise.all(lists.map(inTurn));
  await browser.close();
  process.exitCode = failed.some((count) => count > 0) ? 1 : 0;
}
