#include "cli/line_editor.h"

#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <filesystem>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>

namespace mainstem::cli {
namespace {

constexpr int kHistoryLines = 1000;
constexpr wchar_t kCtrlC = 3;

bool SeemsSecret(const std::string& line) {
  static constexpr std::array<const char*, 4> kWords = {"password", "secret", "token",
                                                        "credential"};
  const std::string lower = absl::AsciiStrToLower(line);
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](const char* word) { return absl::StrContains(lower, word); });
}

}  // namespace

struct LineEditor::Impl {
  EditLine* editor = nullptr;
  History* history = nullptr;
  HistEvent event{};
  std::string history_path;
  InterruptFlag* interrupt = nullptr;
  std::string prompt;
  bool is_cancelled = false;

  static Impl* Of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return static_cast<Impl*>(self);
  }
  static char* PromptOf(EditLine* editor) { return Of(editor)->prompt.data(); }
  static unsigned char Cancel(EditLine* editor, int) {
    Of(editor)->is_cancelled = true;
    return CC_NEWLINE;
  }
  // One character; Ctrl-C, which comes as a signal, is a key here.
  static int ReadKey(EditLine* editor, wchar_t* key) {
    std::mbstate_t state{};
    while (true) {
      if (Of(editor)->interrupt->flag()->load()) {
        *key = kCtrlC;
        return 1;
      }
      char byte = 0;
      ssize_t count = read(STDIN_FILENO, &byte, 1);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return static_cast<int>(count);
      size_t taken = std::mbrtowc(key, &byte, 1, &state);
      if (taken <= 1) return 1;
      if (taken == static_cast<size_t>(-1)) state = {};  // no text in this language: left out
    }
  }

  void Keep(const std::string& line) {
    if (absl::StripAsciiWhitespace(line).empty() || SeemsSecret(line)) return;
    ::history(history, &event, H_ENTER, line.c_str());
    if (history_path.empty()) return;
    // Without a place to write to there is a history of this session, no more.
    const mode_t mask = umask(0177);
    ::history(history, &event, H_SAVE, history_path.c_str());
    umask(mask);
  }
};

LineEditor::LineEditor(std::string history_path, InterruptFlag* interrupt)
    : impl_(std::make_unique<Impl>()) {
  impl_->interrupt = interrupt;
  impl_->history_path = std::move(history_path);
  // What is typed may be any text, also where the system names no language.
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
  impl_->history = history_init();
  history(impl_->history, &impl_->event, H_SETSIZE, kHistoryLines);
  history(impl_->history, &impl_->event, H_SETUNIQUE, 1);
  if (!impl_->history_path.empty()) {
    history(impl_->history, &impl_->event, H_LOAD, impl_->history_path.c_str());
  }
  EditLine* editor = impl_->editor = el_init("mainstem", stdin, stdout, stderr);
  el_set(editor, EL_CLIENTDATA, impl_.get());
  el_set(editor, EL_PROMPT, &Impl::PromptOf);
  el_set(editor, EL_EDITOR, "emacs");
  el_set(editor, EL_HIST, history, impl_->history);
  el_set(editor, EL_GETCFN, &Impl::ReadKey);
  el_set(editor, EL_ADDFN, "cancel-statement", "Forgets what has been typed", &Impl::Cancel);
  el_set(editor, EL_BIND, "^C", "cancel-statement", nullptr);
  el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(editor, nullptr);
}

LineEditor::~LineEditor() {
  el_end(impl_->editor);
  history_end(impl_->history);
}

std::optional<LineEditor::Line> LineEditor::Read(std::string prompt) {
  impl_->prompt = std::move(prompt);
  impl_->is_cancelled = false;
  impl_->interrupt->Clear();
  el_resize(impl_->editor);  // the window may have another size now
  int count = 0;
  const char* text = el_gets(impl_->editor, &count);
  if (impl_->is_cancelled) {
    std::fputs("^C\n", stdout);
    return Line{.text = "", .is_cancelled = true};
  }
  if (text == nullptr || count <= 0) return std::nullopt;
  std::string line(text, static_cast<size_t>(count));
  if (line.back() == '\n') line.pop_back();
  impl_->Keep(line);
  return Line{.text = std::move(line)};
}

std::string SqlHistoryPath() {
  std::filesystem::path folder;
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && state[0] == '/') {
    folder = state;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/') {
    folder = std::filesystem::path(home) / ".local" / "state";
  } else {
    return "";
  }
  folder /= "mainstem";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? "" : (folder / "sql_history").string();
}

}  // namespace mainstem::cli
