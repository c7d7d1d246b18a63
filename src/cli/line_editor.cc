#include "cli/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <poll.h>
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

#include "connector/shown_option.h"

namespace mainstem::cli {
namespace {

constexpr int kHistoryLines = 1000;
constexpr uintmax_t kHistoryBytesMax = 512 * 1024;
constexpr wchar_t kCtrlC = 3;
constexpr int kLookForSignalMs = 200;

bool SeemsSecret(const std::string& line) {
  static constexpr std::array<const char*, 3> kWords = {"authorization", "bearer", "api-key"};
  const std::string lower = absl::AsciiStrToLower(line);
  const bool names_one = connector::HoldsSecretWord(lower) ||
                         std::any_of(kWords.begin(), kWords.end(), [&](const char* word) {
                           return absl::StrContains(lower, word);
                         });
  // "scheme://user:password@host"
  const size_t url = lower.find("://");
  return names_one || (url != std::string::npos && lower.find('@', url) != std::string::npos);
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
  bool is_secret = false;  // the statement that is being typed

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
      if (Of(editor)->interrupt->Take()) {
        *key = kCtrlC;
        return 1;
      }
      // A signal may come at any moment before the waiting begins.
      pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      if (poll(&input, 1, kLookForSignalMs) <= 0) continue;
      char byte = 0;
      ssize_t count = read(STDIN_FILENO, &byte, 1);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return static_cast<int>(count);
      size_t taken = std::mbrtowc(key, &byte, 1, &state);
      if (taken <= 1) return 1;
      if (taken == static_cast<size_t>(-1)) state = {};  // no text in this language: left out
    }
  }

  void Keep(const std::string& line, bool continues) {
    is_secret = (continues && is_secret) || SeemsSecret(line);
    if (is_secret || absl::StripAsciiWhitespace(line).empty()) return;
    ::history(history, &event, H_ENTER, line.c_str());
    if (history_path.empty()) return;
    // Others may add to it, too. Without a place to write to it is a history of this session.
    int file = open(history_path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    std::FILE* stream = fdopen(file, "a");
    std::fseek(stream, 0, SEEK_END);
    ::history(history, &event, H_NSAVE_FP, size_t{1}, stream);
    std::fclose(stream);
  }

  // What is older than the newest lines goes.
  void Shorten() {
    std::error_code error;
    if (std::filesystem::file_size(history_path, error) < kHistoryBytesMax || error) return;
    const std::string shorter = history_path + ".new";
    const mode_t mask = umask(0177);
    const int saved = ::history(history, &event, H_SAVE, shorter.c_str());
    umask(mask);
    if (saved >= 0) std::filesystem::rename(shorter, history_path, error);
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
    impl_->Shorten();
  }
  EditLine* editor = impl_->editor = el_init("mainstem", stdin, stdout, stderr);
  el_set(editor, EL_CLIENTDATA, impl_.get());
  el_set(editor, EL_PROMPT, &Impl::PromptOf);
  el_set(editor, EL_EDITOR, "emacs");
  el_set(editor, EL_HIST, history, impl_->history);
  el_set(editor, EL_GETCFN, &Impl::ReadKey);
  el_set(editor, EL_SIGNAL, 1);  // the terminal is as before when one ends the program
  el_set(editor, EL_ADDFN, "cancel-statement", "Forgets what has been typed", &Impl::Cancel);
  el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(editor, nullptr);
  el_set(editor, EL_BIND, "^C", "cancel-statement", nullptr);
}

LineEditor::~LineEditor() {
  el_end(impl_->editor);
  history_end(impl_->history);
}

std::optional<LineEditor::Line> LineEditor::Read(std::string prompt, bool continues) {
  impl_->prompt = std::move(prompt);
  impl_->is_cancelled = false;
  impl_->interrupt->Take();
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
  impl_->Keep(line, continues);
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
