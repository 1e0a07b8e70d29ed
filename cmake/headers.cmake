# Makes the include tree: `gradus/<folder>/` leads to the sources, and three headers are generated.
# Sets GRADUS_INCLUDE_DIR and GRADUS_FOLDERS (the folders whose headers are installed).
set(GRADUS_INCLUDE_DIR ${PROJECT_BINARY_DIR}/include)
set(GRADUS_FOLDERS core losses autograd ops optim nn data)
file(MAKE_DIRECTORY ${GRADUS_INCLUDE_DIR}/gradus)
foreach(folder ${GRADUS_FOLDERS} cuda cli tests bench)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${GRADUS_INCLUDE_DIR}/gradus/${folder} SYMBOLIC)
endforeach()

# ops/compile.h stays out: it turns a formula into an entry, which must happen once, in the generated units.  So does
# what only the library's own sources need.
set(umbrella "")
foreach(folder core autograd ops optim nn data)
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${folder}/*.h)
  list(REMOVE_ITEM headers ops/compile.h ops/composition.h data/embedded.h data/elements.h data/zip.h optim/option_checks.h optim/state_reader.h)
  foreach(header IN LISTS headers)
    string(APPEND umbrella "#include \"gradus/${header}\"\n")
  endforeach()
endforeach()
set(losses "")
foreach(loss IN LISTS GRADUS_LOSSES)
  string(APPEND losses "#include \"gradus/losses/${loss}.h\"\n")
endforeach()
configure_file(cmake/gradus.h.in ${GRADUS_INCLUDE_DIR}/gradus/gradus.h @ONLY)
configure_file(cmake/losses.h.in ${GRADUS_INCLUDE_DIR}/gradus/losses.h @ONLY)
configure_file(cmake/version.h.in ${GRADUS_INCLUDE_DIR}/gradus/version.h @ONLY)
