// The desk of a reviewer: shows a task, sends verdicts, and says only what the server has confirmed.
"use strict";

(() => {
  const held = (name, within = document) => within.querySelector(`meta[name=${name}]`)?.content;
  let token = held("csrf");
  const find = (selector, within = document) => within.querySelector(selector);
  const status = find("[data-status]");
  const alertBox = find("[data-alert]");

  // What went wrong, as a sentence; `sent` is false where the server may never have heard of it.
  class Failure extends Error {
    constructor(sentence, code) {
      super(sentence);
      this.code = code;
    }
  }

  async function ask(path, options) {
    try {
      return await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(30000), ...options });
    } catch {
      throw new Failure("The server cannot be reached.", 0);
    }
  }

  // The token belongs to a session: who has signed in again in another tab has another one, which this page
  // takes over if it is still the same person. Whether there was a new one.
  async function renewToken() {
    const text = await (await ask(window.location.href, {})).text();
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const reviewer = held("reviewer", fresh);
    if (reviewer !== undefined && reviewer !== held("reviewer")) {
      throw new Failure(`\u2068${reviewer}\u2069 has signed in here since: sign in with your own name again.`, 403);
    }
    const other = held("csrf", fresh);
    const changed = reviewer !== undefined && other !== token;
    if (changed) token = other;
    return changed;
  }

  async function post(path, body = {}) {
    const send = () =>
      ask(path, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
        body: JSON.stringify(body),
        redirect: "error",
      });
    let answer = await send();
    if (answer.status === 403 && (await renewToken())) answer = await send();
    const content = await answer.json().catch(() => ({}));
    if (answer.status === 401) {
      throw new Failure("Your session has ended: sign in again in another tab.", 401);
    }
    if (!answer.ok) {
      const sentence = typeof content.detail === "string" ? content.detail : "The server could not do this.";
      throw new Failure(sentence, answer.status);
    }
    return content;
  }

  const say = (sentence) => {
    status.textContent = sentence;
  };

  const quiet = () => {
    alertBox.hidden = true;
    alertBox.replaceChildren();
  };

  const warn = (sentence, ...choices) => {
    alertBox.replaceChildren(sentence);
    for (const [words, act] of choices) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words;
      button.addEventListener("click", act);
      alertBox.append(button);
    }
    alertBox.hidden = false;
  };

  for (const button of document.querySelectorAll("[data-undo]")) {
    button.addEventListener("click", async () => {
      try {
        await post(`/api/tasks/${button.dataset.undo}/undo`);
        button.closest("tr").remove();
        say(`Undone: task ${button.dataset.undo} is open again.`);
      } catch (failure) {
        warn(`Not undone. ${failure.message}`);
      }
    });
  }

  const desk = find("[data-desk]");
  if (!desk) return;

  const place = find("[data-case]");
  const comment = find("[data-comment]");
  const order = find("[data-order]");
  const help = find("[data-help]");
  const keysOn = find("[data-keys]");
  const worklist = encodeURIComponent(desk.dataset.worklist);
  const filters = JSON.parse(desk.dataset.filters);
  const adjudicating = desk.dataset.desk === "adjudicate";
  const trail = []; // tasks shown on this page, in this order
  let at = -1; // where in the trail the shown one stands
  let task = null;
  let busy = false;
  let unsent = null; // a verdict that the server has not confirmed

  const verdictButtons = ["link", "non-link", "unsure"].map((name) => find(`[data-do="${name}"]`));

  const moveButtons = document.querySelectorAll("[data-do=next], [data-do=back], [data-do=undo]");

  function settle() {
    const kind = task ? task.kind : null;
    for (const button of moveButtons) button.disabled = unsent !== null;
    find("[data-do=next]")?.toggleAttribute("disabled", unsent !== null || kind === null);
    comment.disabled = kind === null;
    for (const button of verdictButtons) button.disabled = busy || unsent !== null || kind === null;
    verdictButtons[0].hidden = kind === "record";
    find("[data-none]").textContent = kind === "record" ? "None of them" : "Non-link";
    find(".non-link kbd").textContent = kind === "record" ? "0" : "N";
    desk.toggleAttribute("data-busy", busy);
    desk.setAttribute("aria-busy", String(busy));
  }

  function show(answer, words) {
    task = answer.task;
    place.innerHTML = answer.html; // made by the server's templates, which escape every value
    const { done, tasks } = answer.progress;
    const bar = find(".bar-top progress");
    bar.max = tasks || 1;
    bar.value = done;
    find(".bar-top .progress span").textContent = `${done.toLocaleString("en")} of ${tasks.toLocaleString("en")}`;
    comment.value = answer.comment || "";
    window.scrollTo(0, 0);
    find("#case-title", place).focus({ preventScroll: true });
    const here = task ? `${task.kind === "pair" ? "Pair" : "Record"} ${task.number}.` : "Nothing is open.";
    say([words, here].filter(Boolean).join(" "));
  }

  function remember(number) {
    if (trail[at] === number) return;
    trail.splice(at + 1, trail.length, number);
    at = trail.length - 1;
  }

  // One thing at a time: a key that is pressed while the last is under way judges nothing unseen.
  async function alone(work) {
    if (busy) return;
    busy = true;
    settle();
    try {
      await work();
    } finally {
      busy = false;
      settle();
    }
  }

  const body = (more = {}) => ({ order: order ? order.value : null, filters, page: true, ...more });

  async function fetchNext(words, after = null) {
    const answer = await post(`/api/worklists/${worklist}/next`, body({ after }));
    quiet();
    show(answer, words);
    if (task) remember(task.number);
  }

  async function fetchTask(number, words) {
    const answer = await post(`/api/tasks/${number}/claim`, { page: true, settle: adjudicating });
    quiet();
    show(answer, words);
  }

  async function leave() {
    if (task && !task.judged) await post(`/api/tasks/${task.number}/release`);
  }

  // On along the trail, and from its end to what the queue has behind a task.
  async function goOn(words, after) {
    if (at < trail.length - 1) {
      at += 1;
      await fetchTask(trail[at], words);
    } else {
      await fetchNext(words, after);
    }
  }

  const next = (words = "") =>
    alone(async () => {
      if (unsent) return;
      try {
        if (at < trail.length - 1) await leave();
        await goOn(words, task ? task.number : null);
      } catch (failure) {
        warn(`The next task could not be shown. ${failure.message}`, ["Try again", () => next(words)]);
      }
    });

  const back = () =>
    alone(async () => {
      if (unsent) return;
      if (at <= 0) {
        say("There is no task before this one on this page; the history has them all.");
        return;
      }
      try {
        await leave();
        at -= 1;
        await fetchTask(trail[at], "Back.");
      } catch (failure) {
        warn(`The task before could not be shown. ${failure.message}`, ["Next", () => next()]);
      }
    });

  const undo = () =>
    alone(async () => {
      if (unsent || adjudicating) return;
      try {
        const path = task && task.judged ? `/api/tasks/${task.number}/undo` : `/api/worklists/${worklist}/undo`;
        const answer = await post(path, { page: true });
        if (!answer.task) {
          say("There is nothing to undo.");
          return;
        }
        quiet();
        if (task?.number !== answer.task.number) await leave().catch(() => {});
        const known = trail.lastIndexOf(answer.task.number);
        show(answer, "Undone.");
        if (known >= 0) at = known;
        else remember(answer.task.number);
      } catch (failure) {
        warn(`Not undone. ${failure.message}`);
      }
    });

  async function send() {
    const { number, kind, verdict, chosen, note, name, shown } = unsent;
    const path = adjudicating ? "adjudicate" : "decide";
    let answer;
    try {
      answer = await post(`/api/tasks/${number}/${path}`, {
        ask: !unsent.anyway, verdict, chosen, comment: note, shown,
      });
    } catch (failure) {
      if (failure.code === 428) { // a question: what it asks is done where it is sent once more
        unsent.anyway = true;
        warn(failure.message, ["Link anyway (R)", () => alone(send)], ["Drop the verdict", drop]);
        say("");
        return;
      }
      const choices = [["Try again (R)", () => alone(send)], ["Drop the verdict", drop]];
      warn(`Not saved: ${name} for ${kind} ${number}. ${failure.message}`, ...choices);
      say("");
      return;
    }
    unsent = null;
    const words = `Saved: ${name} for ${kind} ${number}.`;
    quiet();
    if (adjudicating) {
      say(words);
      const list = `/worklists/${worklist}/disagreements`;
      window.location.assign(answer.following ? `${list}/${answer.following}` : list);
      return;
    }
    task = { ...task, judged: true };
    comment.value = "";
    try {
      await goOn(words, number); // behind it: what was passed over comes again at the end
    } catch (failure) {
      say(words);
      warn(`The next task could not be shown. ${failure.message}`, ["Try again", () => next(words)]);
    }
  }

  function drop() {
    unsent = null;
    quiet();
    say("The verdict was dropped; nothing was saved.");
    settle();
  }

  const decide = (verdict, chosen = null, name = null) =>
    alone(async () => {
      if (!task || unsent) return;
      if (task.reason && !comment.value.trim()) {
        say("Not saved: write in the comment why the verdict is to be changed.");
        comment.focus();
        return;
      }
      const words = name || (task.kind === "record" && verdict === "non-link" ? "none of them" : verdict);
      const { number, kind, shown } = task;
      unsent = { number, kind, verdict, chosen, note: comment.value, name: words, shown };
      await send();
    });

  const choose = (button) => {
    const chosen = { source: button.dataset.source, id: button.dataset.id };
    decide("link", chosen, `candidate ${button.dataset.digit || "of the search"}`);
  };

  const retry = () => {
    if (unsent) alone(send);
  };

  const search = (form) =>
    alone(async () => {
      const words = Object.fromEntries([...new FormData(form)].filter(([, text]) => text.trim()));
      // An input without a name is not part of the form's data.
      const any = find("[data-first]", form).value.trim();
      if (any) words[""] = any;
      try {
        const answer = await post(`/api/tasks/${task.number}/search`, { words, page: true });
        quiet();
        const found = find("[data-found]", form);
        found.innerHTML = answer.html;
        const count = answer.found.length;
        if (answer.more) say(`The first ${count} records; add a word to find fewer.`);
        else say(count === 1 ? "1 record found." : `${count} records found.`);
        find("button", found)?.focus();
      } catch (failure) {
        warn(`Not searched. ${failure.message}`);
      }
    });

  place.addEventListener("click", (event) => {
    const button = event.target.closest(".choose-one");
    if (button) choose(button);
  });
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    search(event.target);
  });
  place.addEventListener("keydown", (event) => {
    if (!event.target.matches(".choose-one") || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    const all = [...place.querySelectorAll(".choose-one")];
    const other = all.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
    all[other]?.focus();
  });

  const openHelp = () => {
    if (!help.open) help.showModal();
  };
  const actions = {
    link: () => task?.kind === "pair" && decide("link"),
    "non-link": () => decide("non-link"),
    unsure: () => decide("unsure"),
    next: () => !adjudicating && next(),
    back: () => !adjudicating && back(),
    undo,
    retry,
    help: openHelp,
    comment: () => comment.focus(),
    search: () => find("[data-first]", place)?.focus(),
  };
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => actions[button.dataset.do]());
  }
  const KEYS = {
    l: "link", n: "non-link", u: "unsure", j: "next", ArrowRight: "next", k: "back", ArrowLeft: "back",
    z: "undo", c: "comment", r: "retry", "?": "help", "/": "search",
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    const typing = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (typing) {
      const leaves = event.key === "Escape" || (event.key === "Enter" && event.target === comment);
      if (leaves) {
        event.preventDefault();
        find("#case-title", place)?.focus({ preventScroll: true });
      }
      return;
    }
    if (event.repeat) {
      if (event.key.toLowerCase() in KEYS || event.key in KEYS || /^[0-9]$/.test(event.key)) event.preventDefault();
      return; // a key held down judges one task, not the ones after it
    }
    if (!keysOn.checked && event.key !== "?") return;
    if (event.key.startsWith("Arrow") && event.target.closest?.(".scroll, .choose-one")) return;
    if (/^[0-9]$/.test(event.key)) {
      if (task?.kind !== "record") return;
      event.preventDefault();
      if (event.key === "0") actions["non-link"]();
      else {
        const button = find(`[data-digit="${event.key}"]`, place);
        if (button) choose(button);
        else say(`There is no candidate ${event.key}.`);
      }
      return;
    }
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    actions[action]();
  });

  keysOn.checked = localStorage.getItem("tallystick-keys") !== "off";
  keysOn.addEventListener("change", () => localStorage.setItem("tallystick-keys", keysOn.checked ? "on" : "off"));
  order?.addEventListener("change", () => {
    trail.length = at + 1;
    next();
  });
  // The task stays the reviewer's own while somebody is at the page; a desk that is left gives it up.
  let touched = false;
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) {
    document.addEventListener(kind, () => { touched = true; }, { capture: true, passive: true });
  }
  setInterval(() => {
    if (touched && task && !task.judged && !busy && !unsent) {
      touched = false;
      post(`/api/tasks/${task.number}/renew`).catch((failure) => {
        if (failure.code === 409) warn(failure.message, ["Next", () => next()]);
      });
    }
  }, 120000);
  window.addEventListener("beforeunload", (event) => {
    if (unsent) event.preventDefault();
  });

  const start = desk.dataset.start ? Number(desk.dataset.start) : null;
  alone(async () => {
    try {
      if (start === null) await fetchNext("");
      else {
        await fetchTask(start, "");
        remember(start);
      }
    } catch (failure) {
      place.replaceChildren();
      const again = start === null ? ["Try again", () => next()] : ["Next", () => next()];
      warn(`The task could not be shown. ${failure.message}`, ...(adjudicating ? [] : [again]));
    }
  });
})();
