// Sending without a reload, and calls between two browsers. Everything but calls works without this.
"use strict";

const RING_EVERY_MS = 4000;
const RING_FOR_MS = 32000;
const part = (id) => document.getElementById(id);
const panel = part("call");
const PEER = panel.dataset.peer;

// ---------------------------------------------------------------------------------------------- messages

function toTheEnd() {
  const list = document.querySelector(".messages");
  if (list) list.scrollTop = list.scrollHeight;
}
toTheEnd();
document.addEventListener("htmx:after:swap", toTheEnd);

part("compose")?.addEventListener("submit", (event) => {
  if (!sockets.connected) return;
  event.preventDefault();
  const field = part("message");
  const message = field.value;
  if (!message.trim()) return;
  field.value = "";
  sockets.timeout(10000).emit("message", { to: PEER, message }, (lost, answer) => {
    if (lost || answer.error) {
      field.value = message;
      field.setCustomValidity(lost ? "Not sent: no answer came. Try again." : `Not sent: ${answer.error_description}`);
      field.reportValidity();
    } else readAgain();
  });
});
part("message")?.addEventListener("input", (event) => event.target.setCustomValidity(""));

// ------------------------------------------------------------------------------------------------- calls

let call = null;  // {peer, connection, stream, offer, early, rings}

function show(words, ...buttons) {
  const isNews = words !== part("call-words").textContent;
  part("call-words").textContent = words;
  for (const id of ["call-sound", "call-video", "call-take", "call-end"]) part(id).hidden = !buttons.includes(id);
  panel.hidden = !words && buttons.length === 0;
  // It is below what was said: whoever is called is shown so.
  if (isNews && words) panel.scrollIntoView({ block: "nearest" });
}

function idle(words = "") {
  if (PEER) show(words, "call-sound", "call-video");
  else show(words);
}

const shortly = (key) => `${key.slice(0, 6)}…${key.slice(-4)}`;

function tell(event, data, whenRefused) {
  sockets.timeout(10000).emit(event, { to: call.peer, ...data }, (lost, answer) => {
    if (whenRefused && (lost || answer.error)) whenRefused(lost ? "There is no connection." : answer.error_description);
  });
}

function end(words) {
  if (!call) return;
  clearInterval(call.rings);
  call.connection?.close();
  call.stream?.getTracks().forEach((track) => track.stop());
  call = null;
  for (const id of ["theirs", "mine"]) Object.assign(part(id), { srcObject: null, hidden: true });
  idle(words);
}

async function connect(withVideo) {
  const [stream, relays] = await Promise.all([
    navigator.mediaDevices.getUserMedia({ audio: true, video: withVideo }),
    fetch("/api/v1/turn-credentials").then((answer) => answer.json()),
  ]);
  if (!call) { stream.getTracks().forEach((track) => track.stop()); return null; }
  const connection = new RTCPeerConnection({ iceServers: relays.ice_servers });
  Object.assign(call, { stream, connection });
  for (const track of stream.getTracks()) connection.addTrack(track, stream);
  Object.assign(part("mine"), { srcObject: stream, hidden: !withVideo });
  connection.addEventListener("icecandidate", ({ candidate }) => {
    if (!call) return;
    const { candidate: line, sdpMid, sdpMLineIndex } = candidate ?? {};
    tell("rtc:ice", { candidate: candidate ? { candidate: line, sdpMid, sdpMLineIndex } : null });
  });
  connection.addEventListener("track", ({ track, streams }) => {
    Object.assign(part("theirs"), { srcObject: streams[0] });
    if (track.kind === "video") part("theirs").hidden = false;
  });
  connection.addEventListener("connectionstatechange", () => {
    if (connection.connectionState === "connected") show(`You are talking to ${shortly(call.peer)}.`, "call-end");
    if (connection.connectionState === "failed") { tell("rtc:hangup", {}); end("The call broke off: no way to reach each other was found."); }
  });
  return connection;
}

async function place(withVideo) {
  if (call) return;
  call = { peer: PEER, early: [] };
  show("Asking for your microphone…", "call-end");
  try {
    const connection = await connect(withVideo);
    if (!connection) return;
    await connection.setLocalDescription(await connection.createOffer());
    const until = performance.now() + RING_FOR_MS;
    const ring = () => {
      if (performance.now() > until) { tell("rtc:hangup", {}); end("Nobody took the call."); return; }
      const { type, sdp } = connection.localDescription;
      tell("rtc:offer", { offer: { type, sdp } }, end);
    };
    show(`Calling ${shortly(PEER)}…`, "call-end");
    // Again and again, so that who has just opened this page hears it too.
    call.rings = setInterval(ring, RING_EVERY_MS);
    ring();
  } catch (fault) {
    end(`No call: ${fault.message}`);
  }
}

async function take() {
  const { offer, early } = call;
  show("Asking for your microphone…", "call-end");
  try {
    const connection = await connect(offer.sdp.includes("m=video"));
    if (!connection) return;
    await connection.setRemoteDescription(offer);
    for (const candidate of early) await connection.addIceCandidate(candidate);
    call.early = [];
    await connection.setLocalDescription(await connection.createAnswer());
    const { type, sdp } = connection.localDescription;
    show("Connecting…", "call-end");
    tell("rtc:answer", { answer: { type, sdp } }, end);
  } catch (fault) {
    if (call) tell("rtc:hangup", {});
    end(`No call: ${fault.message}`);
  }
}

sockets.on("rtc:offer", ({ from, offer }) => {
  if (call && (call.peer !== from || call.connection)) return;
  call = call ?? { peer: from, early: [] };
  call.offer = offer;
  show(`${shortly(from)} calls you.`, "call-take", "call-end");
});

sockets.on("rtc:answer", async ({ from, answer }) => {
  if (call?.peer !== from || call.connection?.signalingState !== "have-local-offer") return;
  clearInterval(call.rings);
  show("Connecting…", "call-end");
  try {
    await call.connection.setRemoteDescription(answer);
    for (const candidate of call.early) await call.connection.addIceCandidate(candidate);
    call.early = [];
  } catch (fault) {
    end(`No call: ${fault.message}`);
  }
});

sockets.on("rtc:ice", async ({ from, candidate }) => {
  if (call?.peer !== from || candidate === null) return;
  if (!call.connection?.remoteDescription) { call.early.push(candidate); return; }
  // One way to reach somebody that cannot be understood is one way less, not the end of the call.
  await call.connection.addIceCandidate(candidate).catch((fault) => console.info(fault.message));
});

sockets.on("rtc:hangup", ({ from }) => { if (call?.peer === from) end("The call has ended."); });

part("call-sound").addEventListener("click", () => place(false));
part("call-video").addEventListener("click", () => place(true));
part("call-take").addEventListener("click", take);
part("call-end").addEventListener("click", () => { if (call) tell("rtc:hangup", {}); end("The call has ended."); });
window.addEventListener("pagehide", () => { if (call?.connection) tell("rtc:hangup", {}); });

idle();
