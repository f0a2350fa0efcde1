/** What changes in the store, told while somebody looks: a hidden page listens to nothing. */

import { address } from "./api.js";

/** Call `changed(ids)` whenever runs change, and after each pause; give what ends it. */
export function follow(query, changed) {
  let source = null;
  let paused = false;
  const sign = document.getElementById("live");
  const say = (text) => (sign.textContent = text);
  const open = () => {
    source = new EventSource(address("/events", query));
    source.addEventListener("hello", () => {
      say("live");
      if (paused) changed(null);
      paused = false;
    });
    source.addEventListener("changed", (event) => changed(new Set(JSON.parse(event.data).ids)));
    source.addEventListener("error", () => {
      paused = true;
      say("not connected");
    });
  };
  const close = () => {
    source?.close();
    source = null;
    paused = true;
    say("");
  };
  const turn = () => (document.hidden ? close() : source ?? open());
  document.addEventListener("visibilitychange", turn);
  turn();
  return () => {
    document.removeEventListener("visibilitychange", turn);
    close();
  };
}
