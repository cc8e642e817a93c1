#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/output.h"
#include "app/templates/templates.h"

namespace tarn {
namespace {

void PrintTemplates() {
  std::vector<std::vector<std::string>> rows;
  for (const TemplateInfo& info : ListTemplates(EmbeddedTemplates())) {
    rows.push_back({info.name, info.title});
  }
  PrintTexts({"template", "about"}, rows, stdout);
}

void PrintNextSteps(const std::string& name, const std::string& folder) {
  const std::string shown = std::filesystem::path(folder).lexically_normal().string();
  std::printf("Wrote the template %s to %s. Next:\n\n", name.c_str(), shown.c_str());
  if (shown != ".") std::printf("  cd %s\n", shown.c_str());
  for (const TemplateInfo& info : ListTemplates(EmbeddedTemplates())) {
    if (info.name != name) continue;
    for (const std::string& step : info.steps) std::printf("  %s\n", step.c_str());
  }
  std::printf("\nREADME.md tells what each does and what to look at.\n");
}

void RunInit(const std::string& name, const std::string& folder) {
  if (name.empty()) {
    PrintTemplates();
    return;
  }
  const std::string to = folder.empty() ? name : folder;
  OrFail(WriteTemplate(EmbeddedTemplates(), name, to));
  PrintNextSteps(name, to);
}

}  // namespace

void AddInitCommand(CLI::App& app, CommandContext&) {
  struct Flags {
    std::string name, folder;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* init = app.add_subcommand("init", "write a complete, running example to a new folder");
  init->add_option("template", flags->name, "which one (default: list them)");
  init->add_option("dir", flags->folder, "an empty or new folder (default: ./TEMPLATE)");
  init->footer("Example: tarn init pagila");
  init->callback([flags] { RunInit(flags->name, flags->folder); });
}

}  // namespace tarn
