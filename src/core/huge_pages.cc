#include "core/huge_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>

#include <jemalloc/jemalloc.h>

// Programs that are not linked with jemalloc have none.
extern "C" int mallctl(const char*, void*, size_t*, void*, size_t) __attribute__((weak));

namespace mainstem {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

// jemalloc's own functions, and between them one that asks for huge pages. As all arenas of the
// process use the same ones, they are kept once.
const extent_hooks_t* own_hooks = nullptr;

void* AllocateHuge(extent_hooks_t* hooks, void* new_address, size_t size, size_t alignment,
                   bool* zero, bool* commit, unsigned arena) {
  // At an address that is asked for, alignment has been seen to.
  const size_t wanted = new_address == nullptr ? std::max(alignment, kHugePage) : alignment;
  void* memory = own_hooks->alloc(const_cast<extent_hooks_t*>(own_hooks), new_address, size, wanted,
                                  zero, commit, arena);
  // A refusal leaves small pages.
  if (memory != nullptr) madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

// The number of a new arena with huge pages.
bool MakeArena(unsigned* arena) {
  static extent_hooks_t hooks = [] {
    extent_hooks_t* found = nullptr;
    size_t size = sizeof(found);
    if (mallctl("arena.0.extent_hooks", &found, &size, nullptr, 0) != 0) return extent_hooks_t{};
    own_hooks = found;
    extent_hooks_t copy = *found;
    copy.alloc = AllocateHuge;
    return copy;
  }();
  if (own_hooks == nullptr) return false;
  extent_hooks_t* given = &hooks;
  size_t size = sizeof(*arena);
  return mallctl("arenas.create", arena, &size, &given, sizeof(given)) == 0;
}

}  // namespace

void UseHugePages() {
  thread_local bool is_done = false;
  if (is_done || mallctl == nullptr) return;
  is_done = true;
  unsigned arena = 0;
  if (MakeArena(&arena)) mallctl("thread.arena", nullptr, nullptr, &arena, sizeof(arena));
}

}  // namespace mainstem
