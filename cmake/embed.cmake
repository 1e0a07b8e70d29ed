# Embeds the digits into the library, so that a program trains on real data without a file or a download.
# Sets GRADUS_EMBEDDED (the generated file).
set(digits ${PROJECT_SOURCE_DIR}/data/digits/digits.csv.gz)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${digits})
file(READ ${digits} digits_bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" digits_bytes ${digits_bytes})
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," digits_bytes ${digits_bytes})
set(GRADUS_EMBEDDED ${PROJECT_BINARY_DIR}/generated/data/digits.cpp)
configure_file(cmake/digits.cpp.in ${GRADUS_EMBEDDED} @ONLY)
