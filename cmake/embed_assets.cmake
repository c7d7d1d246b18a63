# Files that become part of the program. mainstem_embed(target FUNCTION ns::Name BASE dir FILES a b):
# makes a source file, added to `target`, that defines
#   std::span<const mainstem::net::HttpAsset> ns::Name();
# with every file's plain and gzip bytes, content type and ETag. The same file, run with -P, is the
# build step that writes it.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(MAINSTEM_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
  function(mainstem_embed target)
    cmake_parse_arguments(arg "" "FUNCTION;BASE" "FILES" ${ARGN})
    string(REGEX REPLACE "[^A-Za-z0-9]+" "_" stem ${arg_FUNCTION})
    set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded/${stem}.cc)
    list(TRANSFORM arg_FILES PREPEND ${arg_BASE}/ OUTPUT_VARIABLE paths)
    string(REPLACE ";" "|" files "${arg_FILES}")
    add_custom_command(
      OUTPUT ${out}
      COMMAND ${CMAKE_COMMAND} -DBASE=${arg_BASE} "-DFILES=${files}" -DOUT=${out}
              -DFUNCTION=${arg_FUNCTION} -DSTEM=${stem} -P ${MAINSTEM_EMBED_SCRIPT}
      DEPENDS ${paths} ${MAINSTEM_EMBED_SCRIPT} VERBATIM)
    target_sources(${target} PRIVATE ${out})
  endfunction()
  return()
endif()

function(content_type path out)
  set(types
      html "text/html\; charset=utf-8" js "text/javascript\; charset=utf-8"
      css "text/css\; charset=utf-8" json "application/json" svg "image/svg+xml" png "image/png"
      ico "image/x-icon" txt "text/plain\; charset=utf-8" sql "text/plain\; charset=utf-8")
  get_filename_component(extension ${path} LAST_EXT)
  string(SUBSTRING "${extension}" 1 -1 extension)
  list(FIND types "${extension}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "no content type for ${path}: add it to cmake/embed_assets.cmake")
  endif()
  math(EXPR at "${at} + 1")
  list(GET types ${at} type)
  set(${out} "${type}" PARENT_SCOPE)
endfunction()

string(REPLACE "|" ";" FILES "${FILES}")
get_filename_component(folder ${OUT} DIRECTORY)
file(MAKE_DIRECTORY ${folder}/${STEM})
set(symbols "")
set(rows "")
set(index 0)
foreach(path ${FILES})
  set(plain ${BASE}/${path})
  set(packed ${folder}/${STEM}/${index}.gz)
  execute_process(COMMAND gzip -9nc ${plain} OUTPUT_FILE ${packed} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "gzip failed on ${plain}")
  endif()
  file(SHA256 ${plain} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  content_type(${path} type)
  foreach(kind plain packed)
    set(name ${STEM}_${index}_${kind})
    string(APPEND symbols
           "asm(\".section .rodata\\n.globl ${name}_begin\\n${name}_begin:\\n.incbin \\\"${${kind}}\\\"\\n\"\n"
           "    \".globl ${name}_end\\n${name}_end:\\n.byte 0\\n.previous\\n\");\n"
           "extern \"C\" const char ${name}_begin[];\nextern \"C\" const char ${name}_end[];\n")
    set(view_${kind} "View(${name}_begin, ${name}_end)")
  endforeach()
  string(APPEND rows
         "      {\"${path}\", \"${type}\", \"\\\"${hash}\\\"\",\n       ${view_plain}, ${view_packed}},\n")
  math(EXPR index "${index} + 1")
endforeach()
string(REGEX REPLACE "::[A-Za-z0-9]+$" "" namespace ${FUNCTION})
string(REGEX REPLACE "^.*::" "" function ${FUNCTION})
file(WRITE ${OUT} "// Made by cmake/embed_assets.cmake.
#include <span>
#include <string_view>

#include \"core/net/http_assets.h\"

${symbols}
namespace ${namespace} {
namespace {

std::string_view View(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

std::span<const mainstem::net::HttpAsset> ${function}();
std::span<const mainstem::net::HttpAsset> ${function}() {
  static const mainstem::net::HttpAsset kAssets[] = {
${rows}  };
  return kAssets;
}

}  // namespace ${namespace}
")
