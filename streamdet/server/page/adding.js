// The dialog that adds a camera to the run.
import { ask } from "/page/api.js";

const byId = (id) => document.getElementById(id);

export function setUpAdding() {
  const dialog = byId("add-dialog");
  byId("add-camera").addEventListener("click", () => {
    byId("add-error").textContent = "";
    dialog.showModal();
  });
  byId("add-cancel").addEventListener("click", () => dialog.close());
  byId("add-form").addEventListener("submit", async (submit) => {
    submit.preventDefault();
    const name = encodeURIComponent(byId("add-name").value.trim());
    const body = JSON.stringify({ uri: byId("add-uri").value.trim() });
    try {
      await ask(`/api/v1/cameras/${name}`, { method: "PUT", body });
      byId("add-form").reset();
      dialog.close();
    } catch (error) {
      byId("add-error").textContent = error.message;
    }
  });
}
