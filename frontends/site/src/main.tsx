import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { FactsProvider } from "./app/facts";
import { SiteProvider } from "./app/site";
import { LanguageProvider } from "./texts/language";
import "./styles/site.css";

const root = document.getElementById("site");
if (root) {
  createRoot(root).render(
    <LanguageProvider>
      <FactsProvider>
        <SiteProvider>
          <App />
        </SiteProvider>
      </FactsProvider>
    </LanguageProvider>,
  );
}
