"""Faults put in on purpose, what survives them, and the test that shows it."""

FAULTS = (
    (
        "weights missing, truncated, a Git LFS pointer, one byte changed; card missing or damaged",
        "the program refuses to answer and names the file",
        "network/test_classifier.py::test_faulty_weights_folder_refused",
    ),
    (
        "weights of another network under the right name and hash",
        "refused: weights and code are not of one release",
        "network/test_classifier.py::test_weights_of_another_network_refused",
    ),
    (
        "faulty weights while the page is open",
        "the page says so, classifies nothing and keeps its disclaimer",
        "ui/test_app.py::test_faulty_weights_refuse_to_classify",
    ),
    (
        "one bad file among 50",
        "one line names it, 49 are scored",
        "cli/test_faults.py::test_one_bad_file_among_fifty_is_one_line_and_the_others_are_scored",
    ),
    (
        "one bad file in an archive",
        "one line names it, the others are scored",
        "ui/test_app.py::test_archive_is_read_like_the_files_in_it",
    ),
    (
        "a decoder that fails in a way of its own",
        "one line names the file, the others are scored",
        "ui/test_drop_zone.py::test_failure_of_a_decoder_is_its_file_s_alone",
    ),
    (
        "a pipe or a device in the place of a file",
        "refused at once",
        "reading/test_folders.py::test_pipe_and_device_are_refused_at_once",
    ),
    (
        "a folder with macOS's files, a pipe, and folders that are called like files",
        "one line for the pipe, the radiographs are scored",
        "reading/test_folders.py::test_predict_scores_what_it_can_of_an_odd_folder",
    ),
    (
        "a folder of links, some broken, some in circles",
        "each radiograph once for each path to it, the broken links named",
        "reading/test_folders.py::test_links_are_followed_but_not_in_circles",
    ),
    (
        "damaged member of an archive",
        "the others unpack",
        "reading/test_archive.py::test_damaged_member_stops_no_other",
    ),
    (
        "an archive that cannot be opened beside a good file",
        "one line, and the file is scored",
        "ui/test_app.py::test_hopeless_archive_is_one_clear_line_beside_the_others",
    ),
    (
        "unreadable files on the command line",
        "a row with the reason each, the others are scored, exit status 1",
        "cli/test_commands.py::test_unreadable_file_gives_reason_row_and_status",
    ),
    (
        "two files of one name dropped",
        "two radiographs, each with its answer",
        "cli/test_faults.py::test_equal_names_are_two_radiographs",
    ),
    (
        "two members of one name in an archive",
        "two radiographs, each with its answer",
        "cli/test_faults.py::test_equal_names_within_an_archive_are_two_radiographs",
    ),
    (
        "files of one name from two folders",
        "their heatmaps get numbers",
        "cli/test_commands.py::test_folder_searched_and_equal_names_kept_apart",
    ),
    (
        "HTML and Markdown in a file name",
        "shown as text on the page",
        "ui/test_app.py::test_file_name_shown_as_text_not_as_markup",
    ),
    (
        "hostile names in a report",
        "a page each, and nothing overflows",
        "export/test_evidence_pack.py::test_hostile_names_take_a_page_each",
    ),
    (
        "hostile names in an exported archive",
        "it unpacks anywhere, inside its own folder",
        "export/test_evidence_pack.py::test_pack_of_hostile_names_unpacks_anywhere",
    ),
    (
        "a file name that is a formula",
        "disarmed in CSV",
        "export/test_rows.py::test_csv_disarms_formulas",
    ),
    (
        "a name that climbs out of its archive",
        "only a name: nothing is written",
        "reading/test_archive.py::test_name_that_climbs_out_is_only_a_name",
    ),
    (
        "the page is lost in mid-batch",
        "what is scored stays, the rest is scored when it is back",
        "cli/test_faults.py::test_disconnect_in_mid_batch_keeps_what_is_scored_and_goes_on",
    ),
    (
        "an archive stopped half way, in a browser",
        "what is scored stays, the rest on request",
        "ui/test_browser.py::test_archive_stopped_half_way_and_gone_on_with",
    ),
    (
        "two sessions at once",
        "each sees its own radiographs and threshold",
        "cli/test_faults.py::test_two_sessions_at_once_see_only_their_own",
    ),
    (
        "more radiographs than a session holds",
        "the first are read, and the page says so",
        "ui/test_app.py::test_more_radiographs_than_a_session_holds",
    ),
    (
        "disk full while an answer is written",
        "one line, exit status 2",
        "cli/test_faults.py::test_full_disk_ends_prediction_in_a_clear_line",
    ),
    (
        "disk full while a file is replaced",
        "the old file stays whole",
        "test_files.py::test_failure_half_way_leaves_the_old_file_and_no_half",
    ),
    (
        "disk full while training",
        "one line; no half file, earlier epochs stay",
        "training/test_train.py::test_full_disk_ends_in_a_clear_line_and_leaves_no_half_file",
    ),
    (
        "no right to write an answer",
        "one line, exit status 2",
        "cli/test_faults.py::test_closed_folder_ends_prediction_in_a_clear_line",
    ),
    (
        "no right to write a training run",
        "one line",
        "cli/test_faults.py::test_closed_folder_ends_training_in_a_clear_line",
    ),
    (
        "no right to read a radiograph",
        "one line names it, the others are scored",
        "cli/test_faults.py::test_closed_radiograph_is_one_line_and_the_others_are_scored",
    ),
    (
        "killed while training",
        "goes on with --resume and ends as an unbroken run does",
        "training/test_train.py::test_killed_in_mid_epoch_and_resumed_run_equals_unbroken_run",
    ),
    (
        "class folder missing, corrupt training image, damaged start weights and ten more",
        "one line that names what is wrong",
        "training/test_train.py::test_foreseeable_failure_ends_in_a_clear_line",
    ),
    (
        "corrupt image among many of a data set",
        "named",
        "dataset/test_examples.py::test_unreadable_radiograph_named",
    ),
    (
        "a single class in the folder to evaluate",
        "what can be measured is, the rest is null",
        "cli/test_commands.py::test_evaluate_folder_of_one_class_reports_what_it_can",
    ),
    (
        "loss that is not finite",
        "training stops and names the step",
        "training/test_train.py::test_loss_that_is_not_finite_stops_training_naming_the_step",
    ),
    (
        "DICOM without pydicom installed",
        "refused, with what to install",
        "reading/test_dicom.py::test_missing_pydicom_said_so",
    ),
)
