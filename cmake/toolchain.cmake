# What holds for gradus's own targets only: build type, compiler cache, warnings, floating-point rules.  Nothing here
# reaches a project that uses gradus.
if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
  endif()
  find_program(CCACHE ccache)
  mark_as_advanced(CCACHE)
  if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  endif()
endif()

if(NOT GRADUS_ARCH STREQUAL "native" AND NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  message(FATAL_ERROR "gradus: GRADUS_ARCH=${GRADUS_ARCH} is an x86-64 instruction set and this processor is "
                      "${CMAKE_SYSTEM_PROCESSOR}; configure with -DGRADUS_ARCH=native")
endif()

# Small structs are copied and cleared in registers: `rep movs`, which g++ takes for a few hundred bytes, costs more than
# a block of a kernel does.  (-mmove-max=256 and -mstore-max=256 would be next,
# but a test fails in what g++ 12 makes with them.)
include(CheckCXXCompilerFlag)
set(copy_options)
foreach(option -mmemcpy-strategy=vector_loop:1024:noalign,libcall:-1:noalign
               -mmemset-strategy=vector_loop:1024:noalign,libcall:-1:noalign)
  string(MAKE_C_IDENTIFIER "GRADUS_HAS${option}" known)
  check_cxx_compiler_flag(${option} ${known})
  if(${known})
    list(APPEND copy_options ${option})
  endif()
endforeach()

# gradus_own_target(target [folder]): our language level, warnings and arithmetic; a program goes to build/<folder>.
function(gradus_own_target target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON INSTALL_RPATH_USE_LINK_PATH ON)
  if(ARGC GREATER 1)
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${ARGV1})
  endif()
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;$<$<BOOL:${GRADUS_WERROR}>:-Werror>>)
  # g++ 12 warns of overlapping copies inside its own std::string (GCC bug 105651).
  target_compile_options(${target} PRIVATE $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
  # And of `__Y = __Y`, by which its intrinsics of AVX-512 spell a register that nobody sets (GCC bug 105593).
  if(GRADUS_ARCH MATCHES "v4|native")
    target_compile_options(${target} PRIVATE $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-maybe-uninitialized;-Wno-uninitialized>)
  endif()
  # Nobody reads errno or the exception flags, and without these two a loop with sqrt or a select does not vectorise.
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno;-fno-trapping-math;${copy_options}>)
endfunction()

# gradus_compile_quickly(target): for what only calls the library.  Inlining all of gtest, JSON and CLI11 takes more than
# half of a build's time, and nothing runs faster for it.
function(gradus_compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1> $<$<CONFIG:Debug>:-O0>)
endfunction()
