"""Faults put in on purpose, what survives them, and the test that shows it."""

FAULTS = (
    (
        "weights missing, truncated, a Git LFS pointer, one byte changed; card missing or damaged",
        "the program refuses to answer and names the file",
        "test_model.py::test_faulty_weights_folder_refused",
    ),
    (
        "weights of another network under the right name and hash",
        "refused: weights and code are not of one release",
        "test_model.py::test_weights_of_another_network_refused",
    ),
    (
        "faulty weights while the page is open",
        "the page says so, classifies nothing and keeps its disclaimer",
        "test_app.py::test_faulty_weights_refuse_to_classify",
    ),
    (
        "one bad file among 50",
        "one line names it, 49 are scored",
        "test_faults.py::test_one_bad_file_among_fifty_is_one_line_and_the_others_are_scored",
    ),
    (
        "one bad file in an archive",
        "one line names it, the others are scored",
        "test_app.py::test_archive_is_read_like_the_files_in_it",
    ),
    (
        "damaged member of an archive",
        "the others unpack",
        "test_archive.py::test_damaged_member_stops_no_other",
    ),
    (
        "an archive that cannot be opened beside a good file",
        "one line, and the file is scored",
        "test_app.py::test_hopeless_archive_is_one_clear_line_beside_the_others",
    ),
    (
        "unreadable files on the command line",
        "a row with the reason each, the others are scored, exit status 1",
        "test_cli.py::test_unreadable_file_gives_reason_row_and_status",
    ),
    (
        "two files of one name dropped",
        "two radiographs, each with its answer",
        "test_faults.py::test_equal_names_are_two_radiographs",
    ),
    (
        "two members of one name in an archive",
        "two radiographs, each with its answer",
        "test_faults.py::test_equal_names_within_an_archive_are_two_radiographs",
    ),
    (
        "files of one name from two folders",
        "their heatmaps get numbers",
        "test_cli.py::test_folder_searched_and_equal_names_kept_apart",
    ),
    (
        "HTML and Markdown in a file name",
        "shown as text on the page",
        "test_app.py::test_file_name_shown_as_text_not_as_markup",
    ),
    (
        "hostile names in a report",
        "a page each, and nothing overflows",
        "test_pack.py::test_hostile_names_take_a_page_each",
    ),
    (
        "hostile names in an exported archive",
        "it unpacks anywhere, inside its own folder",
        "test_pack.py::test_pack_of_hostile_names_unpacks_anywhere",
    ),
    (
        "a file name that is a formula",
        "disarmed in CSV",
        "test_report.py::test_csv_disarms_formulas",
    ),
    (
        "a name that climbs out of its archive",
        "only a name: nothing is written",
        "test_archive.py::test_name_that_climbs_out_is_only_a_name",
    ),
    (
        "the page is lost in mid-batch",
        "what is scored stays, the rest is scored when it is back",
        "test_faults.py::test_disconnect_in_mid_batch_keeps_what_is_scored_and_goes_on",
    ),
    (
        "an archive stopped half way, in a browser",
        "what is scored stays, the rest on request",
        "test_browser.py::test_archive_stopped_half_way_and_gone_on_with",
    ),
    (
        "two sessions at once",
        "each sees its own radiographs and threshold",
        "test_faults.py::test_two_sessions_at_once_see_only_their_own",
    ),
    (
        "more radiographs than a session holds",
        "the first are read, and the page says so",
        "test_app.py::test_more_radiographs_than_a_session_holds",
    ),
    (
        "disk full while an answer is written",
        "one line, exit status 2",
        "test_faults.py::test_full_disk_ends_prediction_in_a_clear_line",
    ),
    (
        "disk full while a file is replaced",
        "the old file stays whole",
        "test_files.py::test_failure_half_way_leaves_the_old_file_and_no_half",
    ),
    (
        "disk full while training",
        "one line; no half file, earlier epochs stay",
        "test_train.py::test_full_disk_ends_in_a_clear_line_and_leaves_no_half_file",
    ),
    (
        "no right to write an answer",
        "one line, exit status 2",
        "test_faults.py::test_closed_folder_ends_prediction_in_a_clear_line",
    ),
    (
        "no right to write a training run",
        "one line",
        "test_faults.py::test_closed_folder_ends_training_in_a_clear_line",
    ),
    (
        "no right to read a radiograph",
        "one line names it, the others are scored",
        "test_faults.py::test_closed_radiograph_is_one_line_and_the_others_are_scored",
    ),
    (
        "killed while training",
        "goes on with --resume and ends as an unbroken run does",
        "test_train.py::test_killed_in_mid_epoch_and_resumed_run_equals_unbroken_run",
    ),
    (
        "class folder missing, corrupt training image, damaged start weights and ten more",
        "one line that names what is wrong",
        "test_train.py::test_foreseeable_failure_ends_in_a_clear_line",
    ),
    (
        "corrupt image among many of a data set",
        "named",
        "test_dataset.py::test_unreadable_radiograph_named",
    ),
    (
        "a single class in the folder to evaluate",
        "what can be measured is, the rest is null",
        "test_cli.py::test_evaluate_folder_of_one_class_reports_what_it_can",
    ),
    (
        "loss that is not finite",
        "training stops and names the step",
        "test_train.py::test_loss_that_is_not_finite_stops_training_naming_the_step",
    ),
    (
        "DICOM without pydicom installed",
        "refused, with what to install",
        "test_dicom.py::test_missing_pydicom_said_so",
    ),
)
