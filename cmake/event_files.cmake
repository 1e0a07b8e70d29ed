# TensorBoard's event files: written by cli/event_file.cpp where protobuf and ISA-L (for its CRC-32C) are at hand; elsewhere
# the command says in one sentence what it lacks.
find_path(ISAL_INCLUDE_DIR isa-l.h)
find_library(ISAL_LIBRARY isal)
mark_as_advanced(ISAL_INCLUDE_DIR ISAL_LIBRARY)
if(GRADUS_HAVE_PROTOBUF AND ISAL_INCLUDE_DIR AND ISAL_LIBRARY)
  set(GRADUS_EVENT_FILES TRUE)
else()
  set(GRADUS_EVENT_FILES FALSE)
  message(STATUS "TensorBoard: no event files; they need libprotobuf-dev, protobuf-compiler and libisal-dev")
endif()

# Gives a program that holds both sources of event files the one that suits.
function(gradus_event_files target)
  if(NOT GRADUS_EVENT_FILES)
    gradus_leave_out(${target} event_file)
    return()
  endif()
  gradus_leave_out(${target} event_file_absent)
  gradus_messages(${target} event)
  target_include_directories(${target} SYSTEM PRIVATE ${ISAL_INCLUDE_DIR})
  target_link_libraries(${target} PRIVATE ${ISAL_LIBRARY})
endfunction()
