# Sourced by .ci/run and .ci/check: headings with the seconds each section took.

section_name=""
section_start=$SECONDS

# Ends the section before and opens the one named.
section() {
    end_section
    section_name="$1"
    section_start=$SECONDS
    printf '\n=== %s\n' "$section_name"
}

end_section() {
    if [[ -n $section_name ]]; then
        printf -- '--- %s: %d s\n' "$section_name" $((SECONDS - section_start))
    fi
    section_name=""
}

report_exit() {
    local status=$?
    if [[ $status -ne 0 && -n $section_name ]]; then
        printf -- '--- FAILED in "%s" after %d s (status %d)\n' \
            "$section_name" $((SECONDS - section_start)) "$status" >&2
    fi
}
trap report_exit EXIT
