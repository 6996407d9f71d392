// Number keys answer the question that has the focus and go on to the next one. Without this file Tab, arrows and
// Space do the same more slowly.
"use strict";

const form = document.getElementById("answers");

function standing() {
  const questions = form.querySelectorAll("fieldset:has(input[type=radio]), textarea");
  return [...questions].filter((question) => question.offsetParent !== null);
}

function enter(question) {
  (question.matches("textarea") ? question : question.querySelector("input")).focus();
}

form.addEventListener("keydown", (event) => {
  const question = event.target.closest("fieldset");
  if (!question || !/^[0-9]$/.test(event.key) || event.ctrlKey || event.altKey || event.metaKey) {
    return;
  }
  const answer = question.querySelector(`input[type=radio][value="${event.key === "0" ? "na" : event.key}"]`);
  if (!answer) {
    return;
  }
  event.preventDefault();
  answer.checked = true;
  const all = standing();
  const next = all[all.indexOf(question) + 1];
  if (next) {
    enter(next);
  } else {
    answer.focus();
  }
});

if (!document.querySelector("[autofocus]")) {
  enter(standing()[0]);
}
