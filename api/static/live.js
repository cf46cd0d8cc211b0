// Hears that something moved, and has the page read its live part again. Behind it the page polls, as it does alone.
"use strict";

const SETTLE_MS = 100;
const POLL_MS = 15000;
const MONEY = ["deposit", "withdrawal", "flow", "alert"];
const PRESENCE = ["user_joined", "user_left"];

const sockets = (() => {
  const origin = document.querySelector('meta[name="sockets"]').content;
  const elsewhere = origin !== location.origin;
  return io(elsewhere ? origin : undefined, { transports: ["websocket", "polling"], tryAllTransports: true, withCredentials: elsewhere });
})();
let waiting = null;
let readAt = performance.now();
let isHint = false;

function readAgain() {
  if (waiting !== null) return;
  waiting = setTimeout(() => {
    waiting = null;
    const live = document.getElementById("live");
    if (!live || !live.dataset.hxGet) return;
    isHint = true;
    htmx.ajax("GET", live.dataset.hxGet, { source: live, target: live, swap: live.dataset.hxSwap });
  }, SETTLE_MS);
}

for (const event of MONEY) sockets.on(event, readAgain);
sockets.on("message", readAgain);
// The list comes after every connection, and after a moment in which something may have been missed.
sockets.on("online_users", readAgain);
for (const event of PRESENCE) {
  sockets.on(event, () => { if (document.querySelector("[data-presence]")) readAgain(); });
}

// For whoever looks from outside whether this page is being told.
const say = (state) => { document.documentElement.dataset.sockets = state; };
sockets.on("connect", () => say("connected"));
sockets.on("disconnect", () => say("away"));

// While we are told, polling is only there for what got lost on the way.
document.addEventListener("htmx:before:request", (event) => {
  if (event.target.id !== "live") return;
  const isPoll = !isHint;
  isHint = false;
  if (isPoll && sockets.connected && performance.now() - readAt < POLL_MS) event.preventDefault();
  else readAt = performance.now();
});

document.addEventListener("visibilitychange", () => { if (!document.hidden) readAgain(); });

// A session that has ended ends the socket: the page finds out by reading itself.
sockets.on("disconnect", (reason) => { if (reason === "io server disconnect") location.reload(); });

// A call is taken on the chat page; elsewhere one is told that somebody calls.
sockets.on("rtc:offer", ({ from }) => {
  if (document.getElementById("call") || document.getElementById("ringing")) return;
  const link = Object.assign(document.createElement("a"), { href: `/chat/${encodeURIComponent(from)}`, textContent: "Open the chat to take it." });
  const notice = Object.assign(document.createElement("p"), { id: "ringing", className: "notice" });
  notice.setAttribute("role", "alert");
  notice.append(`${from.slice(0, 6)}…${from.slice(-4)} calls you. `, link);
  document.getElementById("main").prepend(notice);
});
sockets.on("rtc:hangup", () => document.getElementById("ringing")?.remove());
