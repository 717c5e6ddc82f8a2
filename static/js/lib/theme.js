// Sets the colours before the first paint: the visitor's choice, else what their system prefers.
(() => {
  const KEY = "fovea-theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  function chosen() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is switched off: the choice lasts as long as the page
    }
  }

  /** @param {string} theme */
  function apply(theme) {
    root.dataset.bsTheme = theme;
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.setAttribute("aria-pressed", String(theme === "dark"));
    }
    document.dispatchEvent(new Event("themechange"));
  }

  const preferred = () => chosen() || (dark.matches ? "dark" : "light");
  apply(preferred());
  dark.addEventListener("change", () => apply(preferred()));
  document.addEventListener("DOMContentLoaded", () => {
    apply(preferred());
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.addEventListener("click", () => {
        const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
        try {
          localStorage.setItem(KEY, theme);
        } catch {
          // see above
        }
        apply(theme);
      });
    }
  });
})();
