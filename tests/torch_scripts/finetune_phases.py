# Transfer learning in the shape of the torchvision tutorial: frozen backbone first, then finetune everything.
import copy
import time

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

device = torch.device("cpu")


class Backbone(nn.Module):
    """Stands in for a pretrained resnet: .features and a final .fc to be replaced."""

    def __init__(self, num_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        )
        self.fc = nn.Linear(32 * 4, num_classes)

    def forward(self, x):
        return self.fc(self.features(x))


def train_model(model, dataloaders, dataset_sizes, criterion, optimizer, scheduler, num_epochs=25):
    since = time.time()

    best_model_wts = copy.deepcopy(model.state_dict())
    best_acc = 0.0

    for epoch in range(num_epochs):
        print(f'Epoch {epoch}/{num_epochs - 1}')
        print('-' * 10)

        # Each epoch has a training and validation phase
        for phase in ['train', 'val']:
            if phase == 'train':
                model.train()  # Set model to training mode
            else:
                model.eval()   # Set model to evaluate mode

            running_loss = 0.0
            running_corrects = 0

            # Iterate over data.
            for inputs, labels in dataloaders[phase]:
                inputs = inputs.to(device)
                labels = labels.to(device)

                # zero the parameter gradients
                optimizer.zero_grad()

                # forward
                # track history if only in train
                with torch.set_grad_enabled(phase == 'train'):
                    outputs = model(inputs)
                    _, preds = torch.max(outputs, 1)
                    loss = criterion(outputs, labels)

                    # backward + optimize only if in training phase
                    if phase == 'train':
                        loss.backward()
                        optimizer.step()

                # statistics
                running_loss += loss.item() * inputs.size(0)
                running_corrects += torch.sum(preds == labels.data)
            if phase == 'train':
                scheduler.step()

            epoch_loss = running_loss / dataset_sizes[phase]
            epoch_acc = running_corrects.double() / dataset_sizes[phase]

            print(f'{phase} Loss: {epoch_loss:.4f} Acc: {epoch_acc:.4f}')

            # deep copy the model
            if phase == 'val' and epoch_acc > best_acc:
                best_acc = epoch_acc
                best_model_wts = copy.deepcopy(model.state_dict())

        print()

    time_elapsed = time.time() - since
    print(f'Training complete in {time_elapsed // 60:.0f}m {time_elapsed % 60:.0f}s')
    print(f'Best val Acc: {best_acc:4f}')
    print()

    # load best model weights
    model.load_state_dict(best_model_wts)
    return model


if __name__ == '__main__':
    torch.manual_seed(0)

    digits = load_digits(n_class=10)
    imgs = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1).div(16).sub(0.5)
    ys = torch.tensor(digits.target)
    # the new task: odd or even
    ys = ys % 2
    image_datasets = {
        'train': TensorDataset(imgs[:800], ys[:800]),
        'val': TensorDataset(imgs[800:1200], ys[800:1200]),
    }
    dataloaders = {x: DataLoader(image_datasets[x], batch_size=32, shuffle=True, num_workers=2,
                                 persistent_workers=True)
                   for x in ['train', 'val']}
    dataset_sizes = {x: len(image_datasets[x]) for x in ['train', 'val']}
    criterion = nn.CrossEntropyLoss()

    # 1. backbone as fixed feature extractor
    model_ft = Backbone(num_classes=10)
    for param in model_ft.parameters():
        param.requires_grad = False
    num_ftrs = model_ft.fc.in_features
    # Parameters of newly constructed modules have requires_grad=True by default
    model_ft.fc = nn.Linear(num_ftrs, 2)
    model_ft = model_ft.to(device)

    optimizer_head = optim.SGD(model_ft.fc.parameters(), lr=0.01, momentum=0.9)
    exp_lr_scheduler = lr_scheduler.StepLR(optimizer_head, step_size=2, gamma=0.1)
    print('=== training the head ===')
    model_ft = train_model(model_ft, dataloaders, dataset_sizes, criterion,
                           optimizer_head, exp_lr_scheduler, num_epochs=3)

    # 2. unfreeze and finetune
    for param in model_ft.parameters():
        param.requires_grad = True
    optimizer_ft = optim.SGD(model_ft.parameters(), lr=0.005, momentum=0.9)
    exp_lr_scheduler = lr_scheduler.StepLR(optimizer_ft, step_size=2, gamma=0.1)
    print('=== finetuning all layers ===')
    model_ft = train_model(model_ft, dataloaders, dataset_sizes, criterion,
                           optimizer_ft, exp_lr_scheduler, num_epochs=3)
