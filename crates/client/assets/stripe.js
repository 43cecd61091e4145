// Stripe's own form for a card: its number goes to Stripe only, and the shop gets a name of it.

const form = document.getElementById("stripe");
const problem = document.getElementById("stripe-problem");

if (form && window.Stripe) {
  const stripe = window.Stripe(form.dataset.key);
  const text = getComputedStyle(document.body);
  const card = stripe.elements().create("card", { style: { base: { color: text.color, fontSize: text.fontSize } } });
  card.mount("#token");
  card.on("change", ({ error }) => { problem.textContent = error?.message ?? ""; });
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { paymentMethod, error } = await stripe.createPaymentMethod({ type: "card", card });
    if (error) {
      problem.textContent = error.message;
      for (const button of form.querySelectorAll("button")) button.disabled = false;
      return;
    }
    form.elements.token.value = paymentMethod.id;
    form.submit();
  });
} else if (form) {
  form.hidden = false;
  problem.textContent = "Stripe can't be reached. Please try again in a moment.";
}
