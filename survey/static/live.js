// Keeps the parts of a page marked data-renewed up to date: asks for the same page now and then and takes those parts from
// it. It waits while the page is out of sight, and until the reader lets go of what they have selected; the button stops
// it. Without this file the link beside it does the same by hand.
"use strict";

const control = document.getElementById("keeping-up");
const told = document.getElementById("kept-up");
let paused = false;

function say(what) {
  control.textContent = control.dataset[paused ? "go" : "pause"];
  told.textContent = told.dataset[what];
}

function beingRead(part) {
  const selection = document.getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode);
}

function take(part, fresh) {
  const standing = "a, button, summary, [tabindex]";
  const place = [...part.querySelectorAll(standing)].indexOf(document.activeElement);
  const scrolled = [...part.querySelectorAll(".scroll")].map((region) => region.scrollLeft);
  part.replaceChildren(...fresh.childNodes);
  part.querySelectorAll(".scroll").forEach((region, number) => {
    region.scrollLeft = scrolled[number] ?? 0;
  });
  part.querySelectorAll(standing)[place]?.focus({ preventScroll: true });
}

async function keepUp() {
  if (paused || document.hidden) {
    return;
  }
  try {
    const answer = await fetch(location.href, { redirect: "error" });
    if (!answer.ok) {
      throw new Error(answer.status);
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-renewed]")) {
      const fresh = page.getElementById(part.id);
      if (fresh && !paused && !beingRead(part)) {
        take(part, fresh);
      }
    }
    say(paused ? "paused" : "live");
  } catch {
    say("lost");
  }
}

control.addEventListener("click", () => {
  paused = !paused;
  say(paused ? "paused" : "live");
  keepUp();
});
control.hidden = false;
say("live");
setInterval(keepUp, Number(control.dataset.every) * 1000);
