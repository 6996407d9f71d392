// One button puts a text into the clipboard and hands the focus on, so that Enter is enough for the whole of a message.
// Without this file the text is selected and copied by hand.
"use strict";

const button = document.getElementById("copy");
const told = document.getElementById("copied");
const source = document.getElementById(button.dataset.copies);

async function copy() {
  source.focus();
  source.select();
  try {
    await navigator.clipboard.writeText(source.value);
  } catch {
    if (!document.execCommand("copy")) {
      told.textContent = told.dataset.failed;
      return;
    }
  }
  told.textContent = told.dataset.done;
  document.getElementById(button.dataset.then).focus();
}

button.addEventListener("click", copy);
button.hidden = false;
button.focus();
