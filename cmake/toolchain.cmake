# Compiler flags, ccache and mold where they are installed.
add_compile_options(-Wall -Wextra -Werror -Wno-unused-parameter -fno-omit-frame-pointer
                    -march=x86-64-v2 -mpclmul)  # simdjson's vector code asks for both
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely inside coroutines and std::string at -O2.
  add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-array-bounds
                      -Wno-restrict -Wno-dangling-pointer -Wno-stringop-overread)
  add_compile_options(-fpch-preprocess)
  # A fifth of the time goes to collecting garbage among the precompiled headers' trees. With this, g++ begins at
  # 1 GiB; the largest files take 1.3 GiB instead of 1.1.
  add_compile_options(--param=ggc-min-heapsize=1048576)
endif()
add_compile_definitions(BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_HAS_CO_AWAIT
                        BOOST_ASIO_DISABLE_BOOST_COROUTINE BOOST_ASIO_DISABLE_SERIAL_PORT
                        BOOST_ASIO_SEPARATE_COMPILATION)  # in core/asio.cc; else each file compiles a part of it

find_program(CCACHE ccache)
if(CCACHE)
  set(launcher ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1 CCACHE_DEPEND=1
      CCACHE_IGNOREOPTIONS=--param=ggc-* ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
if(MAINSTEM_FUZZ OR MAINSTEM_SANITIZE)
  add_compile_options(-Wno-error)  # what warns is g++'s business: clang sees other things each year
endif()
if(MAINSTEM_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # clang 14 cannot compile coroutines with it: what it puts before a function lies in another section.
    add_compile_options(-fno-sanitize=function)
  endif()
elseif(MAINSTEM_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
elseif(MAINSTEM_SANITIZE)
  message(FATAL_ERROR "MAINSTEM_SANITIZE is '${MAINSTEM_SANITIZE}', not `address` or `thread`")
endif()
