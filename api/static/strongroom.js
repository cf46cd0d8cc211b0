// What pages do beyond plain HTML: copy with one press, and keep a polled fragment polite.
"use strict";

const SAID_FOR_MS = 1600;

// Buttons that need a script are hidden until there is one that can serve them.
if (navigator.clipboard) document.documentElement.classList.add("copies");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copy it by hand";
  }
  setTimeout(() => { button.textContent = before; }, SAID_FOR_MS);
});

// The fragment is not read again while nobody looks at it, nor while somebody types in it.
document.addEventListener("htmx:before:request", (event) => {
  const polled = event.target.closest?.("[data-poll]");
  const typing = document.activeElement?.matches("input:not([type=hidden]), textarea, select") && polled?.contains(document.activeElement);
  if (polled && (document.hidden || typing)) event.preventDefault();
});

// A session that has ended shows as a refusal: load the page anew, which leads to the sign-in page.
document.addEventListener("htmx:response:error", (event) => {
  if (event.detail.ctx.response.status === 401) location.reload();
});

// How long a quote is good for, by the second; once it is over, its form can no longer be sent. Counted from when the
// page came, not by the clock of this machine, which may be wrong.
for (const place of document.querySelectorAll("[data-left-s]")) {
  const end = performance.now() + 1000 * Number(place.dataset.leftS);
  const count = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    place.textContent = left > 0 ? `in ${left} s` : "This quote has expired. Ask for another one.";
    if (left > 0) return;
    clearInterval(counting);
    for (const button of document.querySelectorAll("main form button")) button.disabled = true;
  };
  const counting = setInterval(count, 1000);
  count();
}
